package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;

/**
 * What one run does to a piece of N entries, by the names of {@link RecipeGraph}. Weights are in the device's type, other numbers
 * float32, all of them [N]; factors, weights of donors and limits are [1]. Where a sum begins it may be [1] too.
 */
enum RecipeStep {
    /** sum, in, factor to {@code sum + factor * in}. */
    ADDED,
    /** sum, divisor to weights, {@code sum / divisor}. */
    DIVIDED,
    /** sum, base, in, factor to {@code sum + factor * (in - base)}. */
    ADDED_DIFFERENCE,
    /** sum, base, in, factor, stays to the same where stays [N], a truth each, is so; elsewhere to the sum. */
    ADDED_WHERE_IT_STAYS,
    /** sum, base to weights, {@code sum + base}. */
    ON_BASE,
    /**
     * sum, base, in, weight, place, before, least, above to {@code sum + weight * trimmed}, where the difference of in and base is
     * trimmed to those entries whose magnitude is at least least, or from the place before of the piece on at least above.
     */
    ADDED_TRIMMED,
    /**
     * agreeing, agreed, sum, base, in, weight, place, before, least, above to agreeing and agreed with what has the sum's sign: the
     * trimmed difference times its weight to the one, the weight to the other.
     */
    ADDED_AGREEING,
    /** sum, agreeing, agreed, base to weights: base and {@code agreeing / agreed}, or the sum where it has no sign. */
    ELECTED,
    /** base, in, limit to counts: how many differences of each span, [spans, entries] to [spans], are smaller than limit; float64. */
    SMALLER,
    /** a, b to their dot products and those of each with itself, span by span: [spans, entries] to [spans]; float64. */
    PRODUCTS,
    /** bits to truths: of eight in a byte, [N / 8] to [N]. */
    UNPACKED;

    /** Whether it gives weights, rounded as the checkpoint's are. */
    boolean rounds() {
        return this == DIVIDED || this == ON_BASE || this == ELECTED;
    }

    /** The type of its outputs. */
    ElementType output(ElementType weights) {
        return switch (this) {
            case ADDED, ADDED_DIFFERENCE, ADDED_WHERE_IT_STAYS, ADDED_TRIMMED, ADDED_AGREEING -> ElementType.FLOAT;
            case DIVIDED, ON_BASE, ELECTED -> weights;
            case SMALLER, PRODUCTS -> ElementType.DOUBLE;
            case UNPACKED -> ElementType.BOOL;
        };
    }
}
