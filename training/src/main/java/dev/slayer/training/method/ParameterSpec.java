package dev.slayer.training.method;

import java.util.List;
import java.util.Objects;

/**
 * A tensor that is trained.
 *
 * @param name as deltas name it: {@code model.layers.5.mlp.up_proj.weight} for slot 5, {@code lm_head.weight}
 * @param shape row-major
 * @param start where its first values come from
 * @param decays whether weight decay pulls at it: matrices yes, norms no
 */
public record ParameterSpec(String name, List<Long> shape, Start start, boolean decays) {
    /** Where the first values of a parameter come from. */
    public sealed interface Start {
        /** The model's own tensor of that name, as its layout makes it. */
        record Model() implements Start {}

        /** Zeros. */
        record Zero() implements Start {}

        /** Drawn from a normal distribution around 0. */
        record Normal(double deviation) implements Start {}

        /** Drawn evenly from -bound to bound. */
        record Uniform(double bound) implements Start {}
    }

    public ParameterSpec {
        Objects.requireNonNull(name);
        shape = List.copyOf(shape);
        Objects.requireNonNull(start);
    }

    /** How many numbers it has. */
    public long elements() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }
}
