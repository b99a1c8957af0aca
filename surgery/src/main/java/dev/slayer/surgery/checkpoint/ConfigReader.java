package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Reads config.json and generation_config.json as transformers 4 and 5 write them.
 *
 * <p>Where a key is absent, the value is the one that LlamaConfig or MistralConfig of transformers 5.23 would take, because the
 * promise is to compute what transformers computes from the same files. Only the five sizes that no checkpoint leaves out must
 * be there. What would change the computation and is not known here is refused rather than ignored.
 */
final class ConfigReader {
    static final String FILE = "config.json";
    private static final String GENERATION_FILE = "generation_config.json";

    /** Limits far above any published model; their products stay within a long, those of widths within an int. */
    private static final int MAX_HIDDEN = 1 << 16;

    private static final int MAX_LAYERS = 1 << 10;
    private static final int MAX_HEADS = 1 << 10;
    private static final int MAX_HEAD_DIM = 1 << 10;
    private static final int MAX_INTERMEDIATE = 1 << 20;
    private static final int MAX_VOCABULARY = 1 << 22;
    private static final int MAX_CONTEXT = 1 << 24;

    private final Folder folder;
    private final ConfigObject config;
    private final Family family;

    private ConfigReader(Folder folder) {
        this.folder = folder;
        this.config = ConfigObject.read(folder, FILE);
        this.family = family(config);
    }

    static ModelConfig read(Folder folder) {
        return new ConfigReader(folder).read();
    }

    /** The two architectures and the defaults in which they differ. */
    private enum Family {
        LLAMA("LlamaForCausalLM", "llama", 2048),
        MISTRAL("MistralForCausalLM", "mistral", 131_072);

        private final String architecture;
        private final String modelType;
        private final int contextLength;

        Family(String architecture, String modelType, int contextLength) {
            this.architecture = architecture;
            this.modelType = modelType;
            this.contextLength = contextLength;
        }
    }

    private ModelConfig read() {
        refuseWhatWeCannotRun();
        int hidden = config.requiredInt("hidden_size", 1, MAX_HIDDEN);
        int layers = config.requiredInt("num_hidden_layers", 1, MAX_LAYERS);
        int heads = config.requiredInt("num_attention_heads", 1, MAX_HEADS);
        int intermediate = config.requiredInt("intermediate_size", 1, MAX_INTERMEDIATE);
        int vocabulary = config.requiredInt("vocab_size", 1, MAX_VOCABULARY);
        int context = config.integer("max_position_embeddings", 1, MAX_CONTEXT).orElse(family.contextLength);
        int headDim = headDim(hidden, heads);
        OptionalInt window = slidingWindow();
        refuseMixedLayers(window);
        return new ModelConfig(
                family.architecture,
                hidden,
                layers,
                heads,
                kvHeads(heads),
                headDim,
                intermediate,
                vocabulary,
                context,
                (float) config.number("rms_norm_eps", 1e-30, 1).orElse(1e-6),
                RopeReader.read(config, headDim, context),
                window,
                config.flag("tie_word_embeddings", false),
                bosTokenId(vocabulary),
                eosTokenIds(vocabulary));
    }

    private static Family family(ConfigObject config) {
        Optional<JsonNode> names = config.value("architectures");
        Optional<String> type = config.text("model_type");
        for (Family family : Family.values()) {
            boolean named = names.isEmpty() || isOnly(names.get(), family.architecture);
            boolean typed = type.isEmpty() || type.get().equals(family.modelType);
            if (named && typed && (names.isPresent() || type.isPresent())) {
                return family;
            }
        }
        JsonNode first = names.map(list -> list.isArray() && list.size() == 1 ? list.get(0) : list)
                .orElse(null);
        throw config.refuse(
                "architectures",
                "is " + (first == null ? "missing" : ConfigObject.shown(first))
                        + type.map(text -> " with model_type '" + text + "'").orElse("")
                        + ", but must be LlamaForCausalLM (llama) or MistralForCausalLM (mistral)");
    }

    private static boolean isOnly(JsonNode list, String name) {
        return list.isArray() && list.size() == 1 && name.equals(list.get(0).textValue());
    }

    private void refuseWhatWeCannotRun() {
        for (String bias : new String[] {"attention_bias", "mlp_bias"}) {
            if (config.flag(bias, false)) {
                throw config.refuse(bias, "is true, but models with biases cannot be run");
            }
        }
        config.text("hidden_act").filter(name -> !name.equals("silu")).ifPresent(name -> {
            throw config.refuse("hidden_act", "is '" + name + "', but only 'silu' can be run");
        });
        config.object("quantization_config").ifPresent(quantization -> {
            throw config.refuse(
                    "quantization_config",
                    "asks for method "
                            + quantization
                                    .value("quant_method")
                                    .map(ConfigObject::shown)
                                    .orElse("unknown") + ", but only unquantized checkpoints can be read");
        });
    }

    private int headDim(int hidden, int heads) {
        OptionalInt given = config.integer("head_dim", 2, MAX_HEAD_DIM);
        if (given.isEmpty() && hidden % heads != 0) {
            throw config.refuse(
                    "hidden_size", "is " + hidden + ", which num_attention_heads=" + heads + " does not divide");
        }
        int headDim = given.orElse(hidden / heads);
        if (headDim % 2 != 0 || headDim < 2 || headDim > MAX_HEAD_DIM) {
            throw config.refuse("head_dim", "is " + headDim + ", but must be an even number from 2 to " + MAX_HEAD_DIM);
        }
        return headDim;
    }

    /** Absent, it is 8 for Mistral and the number of heads for Llama; null is the number of heads for both. */
    private int kvHeads(int heads) {
        int absent = family == Family.MISTRAL && !config.has("num_key_value_heads") ? 8 : heads;
        int kvHeads = config.integer("num_key_value_heads", 1, MAX_HEADS).orElse(absent);
        if (heads % kvHeads != 0) {
            throw config.refuse(
                    "num_key_value_heads", "is " + kvHeads + ", which does not divide num_attention_heads=" + heads);
        }
        return kvHeads;
    }

    /**
     * Null is no window. An absent key is 4096 for Mistral, as in transformers: every save_pretrained writes the key, so it is
     * absent only where somebody relied on that default. Llama has no window, whatever the file says.
     */
    private OptionalInt slidingWindow() {
        if (family == Family.LLAMA) {
            return OptionalInt.empty();
        }
        return config.has("sliding_window") ? config.integer("sliding_window", 1, MAX_CONTEXT) : OptionalInt.of(4096);
    }

    private void refuseMixedLayers(OptionalInt window) {
        String only = window.isPresent() ? "sliding_attention" : "full_attention";
        config.value("layer_types").ifPresent(types -> {
            if (!types.isArray()) {
                throw config.refuse("layer_types", "is " + ConfigObject.shown(types) + ", but must be an array");
            }
            for (JsonNode type : types) {
                if (!only.equals(type.textValue())) {
                    throw config.refuse(
                            "layer_types",
                            "names " + ConfigObject.shown(type) + ", but every layer of this model must be '" + only
                                    + "'");
                }
            }
        });
    }

    private OptionalInt bosTokenId(int vocabulary) {
        if (!config.has("bos_token_id")) {
            return vocabulary > 1 ? OptionalInt.of(1) : OptionalInt.empty();
        }
        return config.integer("bos_token_id", 0, vocabulary - 1);
    }

    private Set<Integer> eosTokenIds(int vocabulary) {
        if (folder.find(GENERATION_FILE).isPresent()) {
            ConfigObject generation = ConfigObject.read(folder, GENERATION_FILE);
            if (generation.value("eos_token_id").isPresent()) {
                return tokenIds(generation, vocabulary);
            }
        }
        if (!config.has("eos_token_id")) {
            return vocabulary > 2 ? Set.of(2) : Set.of();
        }
        return tokenIds(config, vocabulary);
    }

    private static Set<Integer> tokenIds(ConfigObject source, int vocabulary) {
        String key = "eos_token_id";
        Optional<JsonNode> value = source.value(key);
        if (value.isEmpty() || !value.get().isArray()) {
            OptionalInt id = source.integer(key, 0, vocabulary - 1);
            return id.isPresent() ? Set.of(id.getAsInt()) : Set.of();
        }
        Set<Integer> ids = new LinkedHashSet<>();
        value.get().forEach(id -> ids.add(source.integer(key, id, 0, vocabulary - 1)));
        return ids;
    }
}
