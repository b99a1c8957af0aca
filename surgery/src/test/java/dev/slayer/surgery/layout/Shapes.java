package dev.slayer.surgery.layout;

import dev.slayer.surgery.checkpoint.ModelConfig;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Shapes that the tests of this package speak of. */
final class Shapes {
    static final ModelConfig LLAMA_2_7B =
            ModelConfig.read(Path.of(System.getProperty("slayer.root", "..")).resolve("test-data/shapes/llama-2-7b"));

    private static final Map<String, ModelConfig> OTHERS = Map.of(
            "other", LLAMA_2_7B,
            "math", LLAMA_2_7B,
            "org/code-7b.v1", LLAMA_2_7B,
            "short", withLayers(LLAMA_2_7B, 4),
            "narrow", withHidden(LLAMA_2_7B, 2048));

    /** Checkpoints other, math, org/code-7b.v1, short (4 layers) and narrow (another width); the base is called llama. */
    static final Namespace NAMES = new Namespace() {
        @Override
        public Optional<ModelConfig> config(String name) {
            return Optional.ofNullable(OTHERS.get(name));
        }

        @Override
        public Optional<String> baseName() {
            return Optional.of("llama");
        }
    };

    private Shapes() {}

    /** The canonical text of a layout of Llama 2 7B. */
    static String canonical(String text) {
        return Layout.parse(text, LLAMA_2_7B, NAMES).text();
    }

    /** What parameters make of Llama 2 7B, as they stand behind {@code @}. */
    static Expansion expanded(String parameters) {
        return expanded(LLAMA_2_7B, parameters);
    }

    static Expansion expanded(ModelConfig config, String parameters) {
        return LayoutParameters.parse(parameters).expand(config, Layout.identity(config.layers()), NAMES);
    }

    static ModelConfig withLayers(ModelConfig config, int layers) {
        return with(config, config.hiddenSize(), layers, config.tiedEmbeddings());
    }

    static ModelConfig withTiedHead(ModelConfig config) {
        return with(config, config.hiddenSize(), config.layers(), true);
    }

    private static ModelConfig withHidden(ModelConfig config, int hidden) {
        return with(config, hidden, config.layers(), config.tiedEmbeddings());
    }

    private static ModelConfig with(ModelConfig config, int hidden, int layers, boolean tied) {
        return new ModelConfig(
                config.architecture(),
                hidden,
                layers,
                config.heads(),
                config.kvHeads(),
                config.headDim(),
                config.intermediateSize(),
                config.vocabularySize(),
                config.contextLength(),
                config.rmsNormEps(),
                config.rope(),
                config.slidingWindow(),
                tied,
                config.bosTokenId(),
                config.eosTokenIds());
    }
}
