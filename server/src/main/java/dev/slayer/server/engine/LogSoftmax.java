package dev.slayer.server.engine;

/** The raw log-softmax of one row of logits: what every reported log-probability comes from. */
final class LogSoftmax {
    private final float[] logits;
    private final int vocabulary;
    private final double normalizer;

    /**
     * @param logits [vocabulary]; read, never changed
     * @throws NotFiniteException if there is a NaN, or nothing finite
     */
    LogSoftmax(float[] logits, int vocabulary) {
        this.logits = logits;
        this.vocabulary = vocabulary;
        float max = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < vocabulary; token++) {
            max = Math.max(max, logits[token]); // NaN wins
        }
        if (Float.isNaN(max) || Float.isInfinite(max)) {
            throw new NotFiniteException(max);
        }
        double sum = 0;
        for (int token = 0; token < vocabulary; token++) {
            sum += Math.exp(logits[token] - max);
        }
        this.normalizer = max + Math.log(sum);
    }

    /** Log-probability of a token. */
    float of(int token) {
        return (float) (logits[token] - normalizer);
    }

    /** Writes the log-probability of every token: [vocabulary]. */
    void all(float[] target) {
        for (int token = 0; token < vocabulary; token++) {
            target[token] = of(token);
        }
    }

    /** Score of a token beside the most probable ones. */
    TokenScore score(int token, int top) {
        int[] best = best(Math.min(top, vocabulary));
        float[] logprobs = new float[best.length];
        for (int i = 0; i < best.length; i++) {
            logprobs[i] = of(best[i]);
        }
        return new TokenScore(token, of(token), rank(token), best, logprobs);
    }

    private int rank(int token) {
        int rank = 1;
        float logit = logits[token];
        for (int other = 0; other < vocabulary; other++) {
            if (logits[other] > logit) {
                rank++;
            }
        }
        return rank;
    }

    /** The best tokens, best first, lower ids first among equals. */
    private int[] best(int count) {
        int[] best = new int[count];
        int filled = 0;
        for (int token = 0; token < vocabulary && count > 0; token++) {
            if (filled == count && logits[token] <= logits[best[count - 1]]) {
                continue;
            }
            int at = filled < count ? filled++ : count - 1;
            while (at > 0 && logits[best[at - 1]] < logits[token]) {
                best[at] = best[at - 1];
                at--;
            }
            best[at] = token;
        }
        return best;
    }

    /** Logits without a softmax. */
    static final class NotFiniteException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NotFiniteException(float max) {
            super("the model's logits hold " + max);
        }
    }
}
