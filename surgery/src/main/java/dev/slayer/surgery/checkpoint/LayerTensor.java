package dev.slayer.surgery.checkpoint;

import java.util.List;

/** The nine weights of a decoder layer. Matrices are [out, in]. */
public enum LayerTensor {
    /** [hidden]: norm before attention. */
    INPUT_NORM("input_layernorm.weight"),
    /** [queryWidth, hidden]. */
    QUERY("self_attn.q_proj.weight"),
    /** [kvWidth, hidden]. */
    KEY("self_attn.k_proj.weight"),
    /** [kvWidth, hidden]. */
    VALUE("self_attn.v_proj.weight"),
    /** [hidden, queryWidth]: output of the attention. */
    ATTENTION_OUTPUT("self_attn.o_proj.weight"),
    /** [hidden]: norm between attention and MLP. */
    POST_ATTENTION_NORM("post_attention_layernorm.weight"),
    /** [intermediate, hidden]. */
    GATE("mlp.gate_proj.weight"),
    /** [intermediate, hidden]. */
    UP("mlp.up_proj.weight"),
    /** [hidden, intermediate]. */
    DOWN("mlp.down_proj.weight");

    private final String suffix;

    LayerTensor(String suffix) {
        this.suffix = suffix;
    }

    /** Its name in a checkpoint: {@code model.layers.3.mlp.down_proj.weight} for layer 3. */
    public String name(int layer) {
        return "model.layers." + layer + "." + suffix;
    }

    /** Its name within a layer: {@code mlp.down_proj.weight}. */
    public String suffix() {
        return suffix;
    }

    /** Whether it is the last matrix of a sublayer: zero there, and the sublayer adds nothing to the residual stream. */
    public boolean endsSublayer() {
        return this == ATTENTION_OUTPUT || this == DOWN;
    }

    /** The shape it must have. */
    public List<Long> shape(ModelConfig config) {
        long hidden = config.hiddenSize();
        long intermediate = config.intermediateSize();
        return switch (this) {
            case INPUT_NORM, POST_ATTENTION_NORM -> List.of(hidden);
            case QUERY -> List.of((long) config.queryWidth(), hidden);
            case KEY, VALUE -> List.of((long) config.kvWidth(), hidden);
            case ATTENTION_OUTPUT -> List.of(hidden, (long) config.queryWidth());
            case GATE, UP -> List.of(intermediate, hidden);
            case DOWN -> List.of(hidden, intermediate);
        };
    }
}
