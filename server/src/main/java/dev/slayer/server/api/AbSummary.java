package dev.slayer.server.api;

import java.util.List;
import java.util.OptionalInt;

/**
 * How far the variants are from the reference, over the reference's answer to one prompt or to all.
 *
 * @param prompt its index; empty for all prompts together
 * @param reference the first variant
 * @param compared the others that have not failed
 */
record AbSummary(OptionalInt prompt, AbVariant reference, List<Distance> compared) {

    /**
     * A variant's distance.
     *
     * @param kl KL(reference || variant) at each position, in nats; empty for all prompts together
     * @param sums what the means are made of
     */
    record Distance(AbVariant variant, double[] kl, Sums sums) {}

    /**
     * Sums over positions of the reference's answers.
     *
     * @param tokens how many
     * @param kl KL(reference || variant), in nats
     * @param agreements where both have the same most probable token
     * @param logprob of the answers' tokens under the variant
     * @param referenceLogprob and under the reference
     */
    record Sums(long tokens, double kl, long agreements, double logprob, double referenceLogprob) {
        static final Sums NONE = new Sums(0, 0, 0, 0, 0);

        static Sums of(AbScoring scoring, float[] referenceLogprobs) {
            double kl = 0;
            double logprob = 0;
            double referenceLogprob = 0;
            float[] logprobs = scoring.logprobs();
            for (int i = 0; i < logprobs.length; i++) {
                kl += scoring.kl()[i];
                logprob += LogProbability.wire(logprobs[i]);
                referenceLogprob += LogProbability.wire(referenceLogprobs[i]);
            }
            return new Sums(logprobs.length, kl, scoring.agreements(), logprob, referenceLogprob);
        }

        Sums plus(Sums other) {
            return new Sums(
                    tokens + other.tokens,
                    kl + other.kl,
                    agreements + other.agreements,
                    logprob + other.logprob,
                    referenceLogprob + other.referenceLogprob);
        }

        double meanKl() {
            return kl / tokens;
        }

        double agreement() {
            return (double) agreements / tokens;
        }

        double perplexity() {
            return perplexity(logprob);
        }

        double referencePerplexity() {
            return perplexity(referenceLogprob);
        }

        /** JSON has no infinity. */
        private double perplexity(double sum) {
            return Math.min(Double.MAX_VALUE, Math.exp(-sum / tokens));
        }
    }
}
