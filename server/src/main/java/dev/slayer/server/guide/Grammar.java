package dev.slayer.server.guide;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * A pushdown machine over bytes: nodes with edges that read a byte, edges that read nothing, and calls of rules, which come back by a
 * stack of bounded height. A recursive transition network, so nested JSON needs no more nodes than flat. Immutable.
 *
 * <p>Nothing is reachable that could not be completed: for every node it is known how many frames the shortest way to the end of its
 * rule takes, and a configuration whose way would not fit is not entered.
 */
final class Grammar {
    /** The end of every rule. */
    static final int END = 0;
    /** Frames on the stack; one is needed for each level of nesting of free JSON, some more for strings and recursion. */
    static final int HIGHEST = 64;
    /** Ways to read one text at the same time. */
    private static final int MOST_PLACES = 5_000;

    /** Where the machine may be; a stack of null is empty. */
    record Place(int node, Frame stack) {}

    private final GrammarBuilder.Node[] nodes;
    private final int[] frames;
    private final int start;

    /** @throws ConstraintException if nothing at all can be completed */
    Grammar(GrammarBuilder.Node[] nodes, int start) {
        this.nodes = nodes;
        this.start = start;
        this.frames = LeastFrames.of(nodes);
        if (frames[start] > HIGHEST) {
            throw ConstraintException.invalid(
                    frames[start] == LeastFrames.NEVER
                            ? "can never be fulfilled: no text completes it"
                            : "needs values nested deeper than " + HIGHEST + " levels");
        }
    }

    /** Number of nodes. */
    int size() {
        return nodes.length;
    }

    /** Places before the first byte. */
    Set<Place> start() {
        return closed(Set.of(new Place(start, null)));
    }

    /** Places after one more byte, 0 to 255; empty if it does not fit. Place (END, null) means that the text is complete. */
    Set<Place> step(Set<Place> places, int b) {
        Set<Place> reached = new LinkedHashSet<>();
        for (Place place : places) {
            int[] bytes = nodes[place.node].bytes;
            for (int i = 0; i < bytes.length; i += 3) {
                if (b >= bytes[i] && b <= bytes[i + 1]) {
                    reached.add(new Place(bytes[i + 2], place.stack));
                }
            }
        }
        return reached.isEmpty() ? reached : closed(reached);
    }

    static SlayerException tooComplex() {
        return new SlayerException(
                400,
                "constraint_too_complex",
                null,
                "The constraint on the output allows too many readings of what has been generated; make it less ambiguous.",
                null);
    }

    /** Follows everything that reads no byte; keeps the places that read one, and the end. */
    private Set<Place> closed(Set<Place> places) {
        Set<Place> kept = new LinkedHashSet<>();
        Set<Place> seen = new HashSet<>();
        Deque<Place> open = new ArrayDeque<>(places);
        while (!open.isEmpty()) {
            Place place = open.pop();
            if (frames[place.node] == LeastFrames.NEVER
                    || Frame.height(place.stack) + frames[place.node] > HIGHEST
                    || !seen.add(place)) {
                continue;
            }
            GrammarBuilder.Node node = nodes[place.node];
            if (node.bytes.length > 0 || (place.node == END && place.stack == null)) {
                kept.add(place);
            }
            if (kept.size() > MOST_PLACES) {
                throw tooComplex();
            }
            if (place.node == END && place.stack != null) {
                open.push(new Place(place.stack.node, place.stack.below));
            }
            for (int target : node.empty) {
                open.push(new Place(target, place.stack));
            }
            for (int i = 0; i < node.calls.length; i += 2) {
                int next = node.calls[i + 1];
                // A call that nothing follows needs no frame; so rules that only name each other cannot run away.
                Frame stack = next == END ? place.stack : new Frame(next, place.stack);
                open.push(new Place(node.calls[i], stack));
            }
        }
        return kept;
    }
}
