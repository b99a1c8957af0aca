package dev.slayer.training.data;

import java.util.Arrays;

/**
 * A document as tokens.
 *
 * @param learned for each token whether it is to be predicted; the first never is, since nothing stands before it
 */
record Example(int[] tokens, boolean[] learned) {
    int length() {
        return tokens.length;
    }

    /** The beginning. */
    Example cut(int length) {
        return length >= tokens.length
                ? this
                : new Example(Arrays.copyOf(tokens, length), Arrays.copyOf(learned, length));
    }

    /** Whether anything is to be predicted. */
    boolean teaches() {
        for (int i = 1; i < learned.length; i++) {
            if (learned[i]) {
                return true;
            }
        }
        return false;
    }
}
