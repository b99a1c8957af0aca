package dev.slayer.training.model;

import dev.slayer.training.data.Batch;

/**
 * Token rows as a model takes them.
 *
 * @param rows number of sequences
 * @param length tokens of each
 * @param tokens [rows, length]
 * @param targets [rows, length]: the token to be predicted after each, {@link #IGNORED} where nothing is learned
 * @param documents [rows, length]: number of the document that a token belongs to, if attention must not cross documents;
 *     otherwise null
 */
public record Rows(int rows, int length, int[] tokens, int[] targets, int[] documents) {
    /** A target that is not learned. */
    public static final int IGNORED = -100;

    public Rows {
        long size = (long) rows * length;
        if (rows < 1
                || length < 1
                || tokens.length != size
                || targets.length != size
                || (documents != null && documents.length != size)) {
            throw new IllegalArgumentException("rows=" + rows + " of length=" + length + " need as many tokens, "
                    + "targets and documents, not " + tokens.length + " and " + targets.length);
        }
    }

    /** Rows of which every token but the first is learned, in one document each. */
    public static Rows of(int[]... sequences) {
        int length = sequences[0].length;
        int[] tokens = new int[sequences.length * length];
        int[] targets = new int[tokens.length];
        for (int row = 0; row < sequences.length; row++) {
            System.arraycopy(sequences[row], 0, tokens, row * length, length);
            System.arraycopy(sequences[row], 1, targets, row * length, length - 1);
            targets[(row + 1) * length - 1] = IGNORED;
        }
        return new Rows(sequences.length, length, tokens, targets, null);
    }

    /** The rows of a batch. */
    public static Rows of(Batch batch) {
        return new Rows(batch.rows(), batch.length(), batch.tokens(), batch.targets(), batch.documents());
    }

    /** How many targets are learned. */
    public int learned() {
        int count = 0;
        for (int target : targets) {
            count += target == IGNORED ? 0 : 1;
        }
        return count;
    }
}
