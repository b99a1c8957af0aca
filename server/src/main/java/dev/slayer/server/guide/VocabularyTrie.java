package dev.slayer.server.guide;

import dev.slayer.server.text.Vocabulary;
import java.util.Arrays;

/**
 * The texts of all tokens that say something and are not special, as a tree over bytes whose nodes lie in depth-first order. One walk
 * finds the tokens that a machine can read, and leaves out whole subtrees at the first byte that does not fit. Immutable.
 */
final class VocabularyTrie {
    private final byte[] label;
    private final int[] depth; // of a node; the first byte of a token has 1
    private final int[] end; // the node behind a node's subtree
    private final int[] first; // where a node's tokens begin: [nodes + 1]
    private final int[] tokens;
    private final byte[][] bytes;
    private final int deepest;

    VocabularyTrie(Vocabulary vocabulary) {
        int size = vocabulary.size();
        bytes = new byte[size][];
        Integer[] order = new Integer[size];
        int count = 0;
        long most = 0;
        for (int token = 0; token < size; token++) {
            byte[] text = vocabulary.special(token)
                    ? new byte[0]
                    : vocabulary.bytes(token).clone();
            bytes[token] = text;
            if (text.length > 0) {
                order[count++] = token;
                most += text.length;
            }
        }
        Arrays.sort(order, 0, count, (a, b) -> Arrays.compareUnsigned(bytes[a], bytes[b]));
        tokens = new int[count];
        byte[] labels = new byte[Math.toIntExact(most)];
        int[] depths = new int[labels.length];
        int[] firsts = new int[labels.length + 1];
        int nodes = 0;
        byte[] before = {};
        for (int i = 0; i < count; i++) {
            byte[] text = bytes[order[i]];
            int common = Arrays.mismatch(before, text);
            for (int at = common < 0 ? text.length : common; at < text.length; at++) {
                labels[nodes] = text[at];
                depths[nodes] = at + 1;
                firsts[nodes++] = i;
            }
            tokens[i] = order[i];
            before = text;
        }
        firsts[nodes] = count;
        label = Arrays.copyOf(labels, nodes);
        depth = Arrays.copyOf(depths, nodes);
        first = Arrays.copyOf(firsts, nodes + 1);
        deepest = Arrays.stream(depth).max().orElse(0);
        end = ends();
    }

    private int[] ends() {
        int[] ends = new int[depth.length];
        int[] behind = new int[deepest + 2]; // by depth: the next node that is not deeper
        Arrays.fill(behind, depth.length);
        for (int node = depth.length - 1; node >= 0; node--) {
            ends[node] = behind[depth[node]];
            Arrays.fill(behind, depth[node], behind.length, node);
        }
        return ends;
    }

    int nodes() {
        return label.length;
    }

    /** Length of the longest token, in bytes. */
    int deepest() {
        return deepest;
    }

    /** The byte of a node, 0 to 255. */
    int label(int node) {
        return label[node] & 0xFF;
    }

    int depth(int node) {
        return depth[node];
    }

    int end(int node) {
        return end[node];
    }

    /** Sets the bits of the tokens that end at a node. */
    void mark(int node, long[] mask) {
        for (int i = first[node]; i < first[node + 1]; i++) {
            mask[tokens[i] >> 6] |= 1L << tokens[i];
        }
    }

    /** Text of a token; empty for special ones and those without an entry. */
    byte[] bytes(int token) {
        return token < bytes.length ? bytes[token] : new byte[0];
    }

    /** Number of ids. */
    int size() {
        return bytes.length;
    }
}
