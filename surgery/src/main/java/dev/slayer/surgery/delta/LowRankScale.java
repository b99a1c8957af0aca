package dev.slayer.surgery.delta;

import java.util.OptionalInt;

/**
 * The factor of low-rank products: alpha divided by a rank.
 *
 * @param alpha finite
 * @param rank by which alpha is divided; absent, each matrix's own. Given where a rank allocation has changed the ranks since the
 *     factor was chosen
 */
public record LowRankScale(double alpha, OptionalInt rank) {
    /** @throws IllegalArgumentException if alpha is not finite or the rank not positive */
    public LowRankScale {
        if (!Double.isFinite(alpha)) {
            throw new IllegalArgumentException("alpha is " + alpha + ", but must be a finite number");
        }
        if (rank.isPresent() && rank.getAsInt() < 1) {
            throw new IllegalArgumentException("rank is " + rank.getAsInt() + ", but must be 1 or more");
        }
    }

    /** For a matrix whose factors have this rank. */
    public float factor(int own) {
        return (float) (alpha / rank.orElse(own));
    }
}
