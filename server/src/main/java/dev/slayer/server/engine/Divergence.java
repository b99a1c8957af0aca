package dev.slayer.server.engine;

/** How two distributions over one vocabulary differ. Rows are raw log-softmax: [vocabulary]. */
public final class Divergence {
    /** Stands for minus infinity, so that every divergence is a number. */
    private static final double LEAST = -9999;

    private Divergence() {}

    /**
     * The Kullback-Leibler divergence KL(reference || other) in nats, summed in double: what is lost on average when the other
     * distribution is taken for the reference. 0 for equal rows and never less, although rounding of the rows may say so.
     *
     * @throws IllegalArgumentException if the rows differ in length
     */
    public static double kl(float[] reference, float[] other) {
        if (reference.length != other.length) {
            throw new IllegalArgumentException(
                    "rows of " + reference.length + " and " + other.length + " tokens cannot be compared");
        }
        double sum = 0;
        for (int token = 0; token < reference.length; token++) {
            double logprob = reference[token];
            double probability = Math.exp(logprob);
            if (probability > 0) {
                sum += probability * (logprob - Math.max(LEAST, other[token]));
            }
        }
        return Math.max(0, sum);
    }

    /** The most probable token; the lowest id among equals. */
    public static int top(float[] row) {
        int best = 0;
        for (int token = 1; token < row.length; token++) {
            if (row[token] > row[best]) {
                best = token;
            }
        }
        return best;
    }
}
