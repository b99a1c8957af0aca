package dev.slayer.server.cli.suite;

import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A model to measure, of random weights.
 *
 * @param name as users write it
 * @param config what it is made of
 * @param scale how much is asked of it
 * @param targeted whether the project's targets, which are for one H200 and 8B in bf16, are about it
 */
public record Shape(String name, ModelConfig config, Scale scale, boolean targeted) {
    /** Llama-3-8B. */
    static final Shape LLAMA_3_8B =
            new Shape("llama-3-8b", llama(4096, 32, 32, 8, 14_336, 128_256, 8192, 500_000), Scale.LARGE, true);

    /** Llama-2-7B. */
    static final Shape LLAMA_2_7B =
            new Shape("llama-2-7b", llama(4096, 32, 32, 32, 11_008, 32_000, 4096, 10_000), Scale.LARGE, false);

    /** For tests of the suite itself: small enough for any processor. */
    static final Shape TINY = new Shape("tiny", llama(64, 8, 4, 2, 160, 512, 512, 10_000), Scale.SMALL, false);

    /** What a device's numbers are compared on with the processor's: heads of a width that every kernel takes. */
    static final Shape NUMERICS =
            new Shape("numerics", llama(256, 6, 4, 2, 512, 1024, 512, 10_000), Scale.SMALL, false);

    private static final List<Shape> ALL = List.of(LLAMA_3_8B, LLAMA_2_7B, TINY);

    private static ModelConfig llama(
            int hidden, int layers, int heads, int kvHeads, int intermediate, int vocabulary, int context, int theta) {
        return new ModelConfig(
                "LlamaForCausalLM",
                hidden,
                layers,
                heads,
                kvHeads,
                hidden / heads,
                intermediate,
                vocabulary,
                context,
                1e-5f,
                new RopeConfig(theta, new RopeConfig.Scaling.None()),
                OptionalInt.empty(),
                false,
                OptionalInt.of(1),
                Set.of(2));
    }

    /** The same with fewer layers. */
    Shape withLayers(int layers) {
        return layers == config.layers()
                ? this
                : new Shape(name + "-" + layers + "-layers", config.withLayers(layers), scale, false);
    }

    /** A list of names with commas. */
    static SettingType<List<Shape>> list() {
        return (text, base) -> Arrays.stream(text.split(",", -1))
                .map(String::strip)
                .map(Shape::named)
                .distinct()
                .toList();
    }

    private static Shape named(String name) {
        return ALL.stream()
                .filter(shape -> shape.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("names the unknown shape '" + name + "'; allowed: "
                        + ALL.stream().map(Shape::name).collect(Collectors.joining(", "))));
    }
}
