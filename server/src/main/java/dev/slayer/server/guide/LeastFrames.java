package dev.slayer.server.guide;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.function.IntConsumer;

/** For every node of a grammar: the least number of frames that the stack needs on the way to the end of its rule. */
final class LeastFrames {
    /** There is no way to the end. */
    static final int NEVER = Integer.MAX_VALUE;

    private final GrammarBuilder.Node[] nodes;
    private final int[] least;
    private final int[][] before; // nodes whose value depends on a node's
    private final int[] befores;

    private LeastFrames(GrammarBuilder.Node[] nodes) {
        this.nodes = nodes;
        this.least = new int[nodes.length];
        this.before = new int[nodes.length][];
        this.befores = new int[nodes.length];
        for (GrammarBuilder.Node node : nodes) {
            forEachTarget(node, target -> befores[target]++);
        }
        for (int node = 0; node < nodes.length; node++) {
            before[node] = new int[befores[node]];
            befores[node] = 0;
        }
        for (int node = 0; node < nodes.length; node++) {
            int from = node;
            forEachTarget(nodes[node], target -> before[target][befores[target]++] = from);
        }
    }

    /** [nodes]; a value falls at most once for each height, so the work is bounded by edges times heights. */
    static int[] of(GrammarBuilder.Node[] nodes) {
        return new LeastFrames(nodes).solved();
    }

    private int[] solved() {
        Arrays.fill(least, NEVER);
        least[Grammar.END] = 0;
        Deque<Integer> changed = new ArrayDeque<>();
        changed.add(Grammar.END);
        while (!changed.isEmpty()) {
            for (int node : before[changed.remove()]) {
                int now = least(nodes[node]);
                if (now < least[node]) {
                    least[node] = now;
                    changed.add(node);
                }
            }
        }
        return least;
    }

    private int least(GrammarBuilder.Node node) {
        int best = NEVER;
        for (int i = 0; i < node.bytes.length; i += 3) {
            best = Math.min(best, least[node.bytes[i + 2]]);
        }
        for (int target : node.empty) {
            best = Math.min(best, least[target]);
        }
        for (int i = 0; i < node.calls.length; i += 2) {
            int rule = least[node.calls[i]];
            int next = node.calls[i + 1];
            if (next == Grammar.END) {
                best = Math.min(best, rule);
            } else if (rule != NEVER) {
                best = Math.min(best, Math.max(rule + 1, least[next]));
            }
        }
        return best;
    }

    private static void forEachTarget(GrammarBuilder.Node node, IntConsumer action) {
        for (int i = 0; i < node.bytes.length; i += 3) {
            action.accept(node.bytes[i + 2]);
        }
        for (int target : node.empty) {
            action.accept(target);
        }
        for (int target : node.calls) {
            action.accept(target);
        }
    }
}
