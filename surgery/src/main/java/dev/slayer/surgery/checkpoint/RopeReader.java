package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.slayer.surgery.checkpoint.RopeConfig.Scaling;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Reads the rotary embedding's settings: {@code rope_theta} and {@code rope_scaling} of transformers 4, {@code
 * rope_parameters} of transformers 5. Defaults and precedence follow modeling_rope_utils.py of transformers 5.23: a non-empty
 * rope_scaling wins over rope_parameters, and a rope_theta inside over one outside.
 */
final class RopeReader {
    private static final double MAX_THETA = 1e15;
    private static final double MAX_FACTOR = 1e6;
    private static final int MAX_CONTEXT = 1 << 24;
    private static final String ORIGINAL = "original_max_position_embeddings";

    private final ConfigObject config;
    private final ConfigObject rope;
    private final int headDim;
    private final int contextLength;

    private RopeReader(ConfigObject config, ConfigObject rope, int headDim, int contextLength) {
        this.config = config;
        this.rope = rope;
        this.headDim = headDim;
        this.contextLength = contextLength;
    }

    static RopeConfig read(ConfigObject config, int headDim, int contextLength) {
        // Where there is neither, an object without keys stands for it.
        ConfigObject rope = config.object("rope_scaling")
                .filter(object -> !object.node().isEmpty())
                .or(() -> config.object("rope_parameters"))
                .orElseGet(() ->
                        new ConfigObject(config.file(), "rope_parameters.", JsonNodeFactory.instance.objectNode()));
        return new RopeReader(config, rope, headDim, contextLength).read();
    }

    private RopeConfig read() {
        for (ConfigObject place : new ConfigObject[] {config, rope}) {
            place.number("partial_rotary_factor", 0, 1).ifPresent(part -> {
                if (part != 1) {
                    throw place.refuse("partial_rotary_factor", "is " + part + ", but only 1 can be run");
                }
            });
        }
        double theta = rope.number("rope_theta", 2, MAX_THETA)
                .orElseGet(() -> config.number("rope_theta", 2, MAX_THETA).orElse(10_000));
        return new RopeConfig(theta, scaling());
    }

    private Scaling scaling() {
        Optional<String> type = rope.text("rope_type");
        String key = type.isPresent() ? "rope_type" : "type";
        return switch (type.or(() -> rope.text("type")).orElse("default")) {
            case "default" -> new Scaling.None();
            case "linear" -> new Scaling.Linear(factor());
            case "dynamic" -> dynamic();
            case "llama3" -> llama3();
            case "yarn" -> yarn();
            case String other ->
                throw rope.refuse(
                        key, "is '" + other + "', but only default, linear, dynamic, llama3 and yarn can be run");
        };
    }

    private double factor() {
        return rope.requiredNumber("factor", 1, MAX_FACTOR);
    }

    private Scaling dynamic() {
        if (headDim < 4) {
            throw config.refuse("head_dim", "is " + headDim + ", but the rope type dynamic needs at least 4");
        }
        return new Scaling.Dynamic(factor());
    }

    private Scaling llama3() {
        double low = rope.requiredNumber("low_freq_factor", 1e-3, MAX_FACTOR);
        double high = rope.requiredNumber("high_freq_factor", 1e-3, MAX_FACTOR);
        if (high <= low) {
            throw rope.refuse("high_freq_factor", "is " + high + ", but must be above low_freq_factor=" + low);
        }
        return new Scaling.Llama3(factor(), low, high, originalContextLength());
    }

    private Scaling yarn() {
        int original = originalContextLength();
        double factor = rope.number("factor", 1, MAX_FACTOR).orElse((double) contextLength / original);
        double fast = positiveOr("beta_fast", 32);
        double slow = positiveOr("beta_slow", 1);
        if (fast < slow) {
            throw rope.refuse("beta_fast", "is " + fast + ", but must not be below beta_slow=" + slow);
        }
        return new Scaling.Yarn(factor, original, fast, slow, attentionFactor(factor), truncate());
    }

    /** Absent is true, null is false, as in transformers. */
    private boolean truncate() {
        return rope.flag("truncate", !rope.has("truncate"));
    }

    /** The key at the root of the file wins, as in transformers. */
    private int originalContextLength() {
        return config.integer(ORIGINAL, 1, MAX_CONTEXT)
                .orElseGet(() -> rope.integer(ORIGINAL, 1, MAX_CONTEXT).orElse(contextLength));
    }

    private double attentionFactor(double factor) {
        OptionalDouble given = rope.number("attention_factor", 0, MAX_FACTOR);
        double mscale = rope.number("mscale", 0, MAX_FACTOR).orElse(0);
        double mscaleAllDim = rope.number("mscale_all_dim", 0, MAX_FACTOR).orElse(0);
        if (given.isPresent()) {
            return given.getAsDouble();
        }
        return mscale != 0 && mscaleAllDim != 0
                ? magnitude(factor, mscale) / magnitude(factor, mscaleAllDim)
                : magnitude(factor, 1);
    }

    private static double magnitude(double factor, double scale) {
        return factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1;
    }

    /** Zero counts as absent, as in transformers. */
    private double positiveOr(String key, double absent) {
        double value = rope.number(key, 0, MAX_FACTOR).orElse(0);
        return value == 0 ? absent : value;
    }
}
