package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;

/** Adds up a sequence's hidden states while they are computed, so that none has to be kept. The engine's thread only. */
final class Pooler {
    private final int first;
    private final int prompt;
    private int next;
    private double[] sum;

    /** @param prompt tokens of the prompt, at least one */
    Pooler(Pooling pooling, int prompt) {
        this.prompt = prompt;
        this.first = switch (pooling) {
            case MEAN -> 0;
            case LAST -> prompt - 1;
        };
        this.next = first;
    }

    /** The position whose hidden state is needed next; behind all positions if none is. */
    int next() {
        return next < prompt ? next : Integer.MAX_VALUE;
    }

    /**
     * Takes a hidden state.
     *
     * @param position {@link #next}
     * @param hidden [hidden]
     */
    void take(int position, float[] hidden) {
        if (position != next()) {
            throw new IllegalStateException("position " + position + " came, but " + next() + " is next");
        }
        if (sum == null) {
            sum = new double[hidden.length];
        }
        for (int i = 0; i < hidden.length; i++) {
            sum[i] += hidden[i];
        }
        next++;
    }

    /**
     * The mean of what was taken: [hidden].
     *
     * @throws SlayerException 500 if a number is none, or the runner has not handed over all positions
     */
    float[] vector() {
        if (next < prompt) {
            throw SlayerException.internal(
                    "The runner gave no hidden state of position " + next + " of " + prompt + ".", null);
        }
        float[] mean = new float[sum.length];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = (float) (sum[i] / (prompt - first));
            if (!Float.isFinite(mean[i])) {
                throw SlayerException.internal(
                        "The model's hidden state has " + mean[i] + " at place " + i
                                + ", which is no number; check the checkpoint's weights.",
                        null);
            }
        }
        return mean;
    }
}
