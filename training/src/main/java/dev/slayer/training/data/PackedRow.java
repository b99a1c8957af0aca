package dev.slayer.training.data;

import java.util.Arrays;

/** A row as it is filled. See {@link Batch} for what the arrays mean. */
final class PackedRow {
    final int[] tokens;
    final int[] targets;
    final int[] documents;
    private int used;
    private int count;

    PackedRow(int length, int padding) {
        tokens = new int[length];
        targets = new int[length];
        documents = new int[length];
        Arrays.fill(tokens, padding);
        Arrays.fill(targets, Batch.NO_TARGET);
        Arrays.fill(documents, Batch.NO_DOCUMENT);
    }

    int room() {
        return tokens.length - used;
    }

    int used() {
        return used;
    }

    /** Adds as much of an example as there is room for, as a document of its own; returns how many tokens that was. */
    int add(Example example, int from) {
        int added = Math.min(room(), example.length() - from);
        System.arraycopy(example.tokens(), from, tokens, used, added);
        for (int i = 0; i < added; i++) {
            int following = from + i + 1;
            if (following < example.length() && example.learned()[following]) {
                targets[used + i] = example.tokens()[following];
            }
            documents[used + i] = count;
        }
        used += added;
        count++;
        return added;
    }
}
