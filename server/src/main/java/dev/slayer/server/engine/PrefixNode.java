package dev.slayer.server.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Tokens that follow a prefix, in a radix tree: children begin with different tokens. */
final class PrefixNode {
    /** Changes when it is split. */
    PrefixNode parent;

    /** Tokens before the node's own. */
    final int depth;

    final int[] tokens;
    final Map<Integer, PrefixNode> children = new HashMap<>();
    final Map<StackPath, PrefixColumn> columns = new LinkedHashMap<>();

    PrefixNode(PrefixNode parent, int[] tokens) {
        this.parent = parent;
        this.depth = parent == null ? 0 : parent.depth + parent.tokens.length;
        this.tokens = tokens;
    }

    static PrefixNode root() {
        return new PrefixNode(null, new int[0]);
    }

    /** How many of the node's tokens lie at the same places of a sequence. */
    int common(int[] sequence, int length) {
        int most = Math.min(tokens.length, length - depth);
        int mismatch = Arrays.mismatch(tokens, 0, most, sequence, depth, depth + most);
        return mismatch < 0 ? most : mismatch;
    }

    boolean empty() {
        return children.isEmpty() && columns.isEmpty();
    }
}
