package dev.slayer.surgery.layout;

import java.math.BigDecimal;

/**
 * What a slot lets through of its block: both sublayers add to the residual stream, times {@code scale}, unless they are off.
 * With attention a and MLP m, a slot computes {@code h = x + scale * a(x)}, then {@code h + scale * m(h)}.
 *
 * <p>Two ways to say one thing become one: a scale of 0 is both sublayers off, and where both are off the scale is 1.
 *
 * @param attention whether the attention adds
 * @param mlp whether the MLP adds
 * @param scale from -100 to 100, negative too: the layer's contribution is then taken away; without trailing zeros
 */
public record Gates(boolean attention, boolean mlp, BigDecimal scale) {
    /** Everything passes. */
    public static final Gates OPEN = new Gates(true, true, BigDecimal.ONE);

    /** @throws IllegalArgumentException if the scale is out of range or has more than 9 digits after the point */
    public Gates {
        scale = Decimals.factor("scale", scale);
        if (scale.signum() == 0) {
            attention = false;
            mlp = false;
        }
        scale = attention || mlp ? scale : BigDecimal.ONE;
    }

    /** Factor of the attention's contribution. */
    public float attentionScale() {
        return attention ? scale.floatValue() : 0;
    }

    /** Factor of the MLP's contribution. */
    public float mlpScale() {
        return mlp ? scale.floatValue() : 0;
    }

    /** Whether nothing passes: the slot's output is its input. */
    public boolean silent() {
        return !attention && !mlp;
    }

    /** Canonical text after the recipe: {@code -attn}, {@code -mlp}, {@code *0.5}; empty if all is open. */
    public String text() {
        return (attention ? "" : "-attn")
                + (mlp ? "" : "-mlp")
                + (Decimals.isOne(scale) ? "" : "*" + Decimals.text(scale));
    }
}
