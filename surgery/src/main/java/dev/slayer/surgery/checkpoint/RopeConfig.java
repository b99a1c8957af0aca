package dev.slayer.surgery.checkpoint;

import java.util.Objects;

/**
 * Rotary position embedding: the base and how it is stretched.
 *
 * @param theta base of the frequencies
 * @param scaling how positions beyond the training length are handled
 */
public record RopeConfig(double theta, Scaling scaling) {
    public RopeConfig {
        Objects.requireNonNull(scaling);
    }

    /** The rope types of Hugging Face transformers that this project can run. */
    public sealed interface Scaling {
        /** {@code default}: none. */
        record None() implements Scaling {}

        /** {@code linear}: positions divided by factor. */
        record Linear(double factor) implements Scaling {}

        /**
         * {@code dynamic}: NTK-aware base, growing with the sequence beyond the context length. Up to there it changes nothing, and here no
         * sequence is longer.
         */
        record Dynamic(double factor) implements Scaling {}

        /** {@code llama3}: low frequencies divided by factor, high ones kept, smooth between. */
        record Llama3(double factor, double lowFreqFactor, double highFreqFactor, int originalContextLength)
                implements Scaling {}

        /**
         * {@code yarn}: per-frequency interpolation and a scale of the attention.
         *
         * @param attentionFactor multiplies cos and sin; already computed where the config leaves it out
         * @param truncate whether the correction range is rounded to whole dimensions
         */
        record Yarn(
                double factor,
                int originalContextLength,
                double betaFast,
                double betaSlow,
                double attentionFactor,
                boolean truncate)
                implements Scaling {}
    }
}
