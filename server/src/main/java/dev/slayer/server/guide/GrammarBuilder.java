package dev.slayer.server.guide;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Transition;

/**
 * Puts a {@link Grammar} together, from the end to the beginning: every method takes the node to go on with and returns the node to
 * begin at. A rule is a node whose paths all end at {@link Grammar#END}.
 */
final class GrammarBuilder {
    /** Bounds memory and the time to compile; a schema of 100 properties has some 5,000. */
    static final int MOST_NODES = 200_000;

    /** A node while it is being made; arrays of triples (low, high, target), targets, and pairs (rule, next). */
    static final class Node {
        private static final int[] NONE = {};

        int[] bytes = NONE;
        int[] empty = NONE;
        int[] calls = NONE;
    }

    private Node[] nodes = new Node[256];
    private int count;

    GrammarBuilder() {
        node(); // END
    }

    /** A node without any way on: unless some is added, nothing can be completed through it. */
    int node() {
        if (count == MOST_NODES) {
            throw ConstraintException.invalid("is too large: it needs more than " + MOST_NODES + " states");
        }
        if (count == nodes.length) {
            nodes = Arrays.copyOf(nodes, 2 * count);
        }
        nodes[count] = new Node();
        return count++;
    }

    /** From a node, without reading anything, to another. */
    void empty(int from, int to) {
        nodes[from].empty = appended(nodes[from].empty, to);
    }

    private void bytes(int from, int low, int high, int to) {
        nodes[from].bytes = appended(nodes[from].bytes, low, high, to);
    }

    /** A text, then next. */
    int text(String text, int next) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        int at = next;
        for (int i = utf8.length - 1; i >= 0; i--) {
            int before = node();
            bytes(before, utf8[i] & 0xFF, utf8[i] & 0xFF, at);
            at = before;
        }
        return at;
    }

    /** One of several, all of which go on to the same node by themselves. */
    int either(int... starts) {
        int node = node();
        for (int start : starts) {
            empty(node, start);
        }
        return node;
    }

    /** Something a rule matches, then next. */
    int call(int rule, int next) {
        int node = node();
        nodes[node].calls = new int[] {rule, next};
        return node;
    }

    /** What an automaton over bytes accepts, then next. */
    int automaton(Automaton automaton, int next) {
        int states = automaton.getNumStates();
        if (states == 0) {
            return node();
        }
        int[] made = new int[states];
        for (int state = 0; state < states; state++) {
            made[state] = node();
        }
        Transition transition = new Transition();
        for (int state = 0; state < states; state++) {
            int transitions = automaton.initTransition(state, transition);
            int[] edges = new int[3 * transitions];
            for (int i = 0; i < transitions; i++) {
                automaton.getNextTransition(transition);
                edges[3 * i] = transition.min;
                edges[3 * i + 1] = transition.max;
                edges[3 * i + 2] = made[transition.dest];
            }
            nodes[made[state]].bytes = edges;
            if (automaton.isAccept(state)) {
                empty(made[state], next);
            }
        }
        return made[0];
    }

    Grammar finish(int start) {
        return new Grammar(Arrays.copyOf(nodes, count), start);
    }

    private static int[] appended(int[] array, int... more) {
        int[] longer = Arrays.copyOf(array, array.length + more.length);
        System.arraycopy(more, 0, longer, array.length, more.length);
        return longer;
    }
}
