package dev.slayer.server.guide;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A compiled constraint over one vocabulary. What it means is immutable; the states of its machine and the masks of the tokens that may
 * follow them are made when they are first needed and kept, within bounds, for all sequences that it guides. Thread-safe.
 */
public final class Guide {
    /** Places of all kept states together; beyond, all states are forgotten and made again. */
    private static final int MOST_PLACES = 50_000;
    /** Bytes of all kept masks together. */
    private static final int MOST_MASK_BYTES = 2 << 20;
    /** Effort of one mask, in places visited: a sane constraint takes one or two for each node of the vocabulary's tree. */
    private static final long MOST_WORK = 10_000_000;

    /** Where the machine may be after some text; equal for texts after which the same may follow. */
    static final class State {
        private final Set<Grammar.Place> places;
        private final boolean complete;
        private State[] next; // by byte; null where not made yet

        private State(Set<Grammar.Place> places) {
            this.places = places;
            this.complete = places.contains(new Grammar.Place(Grammar.END, null));
        }

        boolean dead() {
            return places.isEmpty();
        }

        /** Whether the text may end here. */
        boolean complete() {
            return complete;
        }
    }

    private final Grammar grammar;
    private final VocabularyTrie trie;
    private final State start;
    private final Map<Set<Grammar.Place>, State> states = new HashMap<>();
    private final Map<State, long[]> masks;
    private long[] maskAfterDroppedSpace;
    private int placesKept;
    private long work;

    Guide(Grammar grammar, VocabularyTrie trie) {
        this.grammar = grammar;
        this.trie = trie;
        this.start = state(grammar.start());
        int most = Math.max(16, MOST_MASK_BYTES / Math.max(8, 8 * words()));
        this.masks = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<State, long[]> eldest) {
                return size() > most;
            }
        };
    }

    /**
     * A sequence that is to be guided begins.
     *
     * @param dropsSpace whether decoding will drop a space at the beginning of its text
     */
    public GuideState begin(boolean dropsSpace) {
        return new GuideState(this, start, dropsSpace);
    }

    /** Before any text. */
    State start() {
        return start;
    }

    VocabularyTrie trie() {
        return trie;
    }

    int size() {
        return grammar.size();
    }

    /** Bits of the tokens that keep the text a prefix of something valid; callers must not change the array. */
    synchronized long[] mask(State state, boolean dropsSpace) {
        work = 0;
        if (!dropsSpace) {
            long[] found = masks.get(state);
            if (found == null) {
                found = walk(state, false);
                masks.put(state, found);
            }
            return found;
        }
        if (maskAfterDroppedSpace == null) {
            maskAfterDroppedSpace = walk(state, true);
        }
        return maskAfterDroppedSpace;
    }

    /** The state after more bytes. */
    synchronized State advance(State state, byte[] bytes, int from) {
        work = 0;
        State at = state;
        for (int i = from; i < bytes.length; i++) {
            at = step(at, bytes[i] & 0xFF);
        }
        return at;
    }

    private int words() {
        return (trie.size() + 63) / 64;
    }

    private long[] walk(State from, boolean dropsSpace) {
        long[] mask = new long[words()];
        State[] path = new State[trie.deepest() + 1]; // by depth
        path[0] = from;
        for (int node = 0; node < trie.nodes(); ) {
            int depth = trie.depth(node);
            int b = trie.label(node);
            State reached = dropsSpace && depth == 1 && b == ' ' ? from : step(path[depth - 1], b);
            if (reached.dead()) {
                node = trie.end(node);
            } else {
                path[depth] = reached;
                trie.mark(node++, mask);
            }
        }
        return mask;
    }

    private State step(State from, int b) {
        if (from.next != null && from.next[b] != null) {
            return from.next[b];
        }
        work += from.places.size();
        if (work > MOST_WORK) {
            throw Grammar.tooComplex();
        }
        State reached = state(grammar.step(from.places, b));
        if (from.next == null) {
            from.next = new State[256];
        }
        from.next[b] = reached;
        return reached;
    }

    private State state(Set<Grammar.Place> places) {
        State known = states.get(places);
        if (known != null) {
            return known;
        }
        if (placesKept > MOST_PLACES) {
            forget();
        }
        State made = new State(places);
        states.put(places, made);
        placesKept += 16 + places.size(); // a state without places takes room, too
        return made;
    }

    /** States in use go on to work; they lead to new ones from now on. */
    private void forget() {
        List<State> all = new ArrayList<>(states.values());
        states.clear();
        all.forEach(state -> state.next = null);
        masks.clear();
        placesKept = 0;
    }
}
