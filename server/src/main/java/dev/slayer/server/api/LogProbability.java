package dev.slayer.server.api;

import dev.slayer.server.engine.TokenScore;
import dev.slayer.surgery.SlayerException;

/** Log-probabilities as JSON can carry them. */
final class LogProbability {
    /** Stands for minus infinity, which JSON cannot write. */
    private static final float LEAST = -9999f;

    private LogProbability() {}

    static float wire(float logprob) {
        return Math.max(logprob, LEAST);
    }

    /** @throws SlayerException 500 if a value is not a number: a wrong score must not pass for a real one */
    static void check(TokenScore score) {
        boolean broken = !(score.logprob() <= 1e-3f);
        for (float top : score.topLogprobs()) {
            broken |= !(top <= 1e-3f);
        }
        if (broken) {
            throw SlayerException.internal(
                    "The model computed a log-probability that is none (NaN or over 0) for token " + score.token()
                            + "; the checkpoint or its quantization is at fault.",
                    null);
        }
    }
}
