package dev.slayer.surgery.checkpoint;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The names of a Llama-family model's weights outside its layers; those inside are {@link LayerTensor}. */
public final class TensorNames {
    /** [vocabulary, hidden]. */
    public static final String EMBEDDING = "model.embed_tokens.weight";
    /** [hidden]: the norm before the head. */
    public static final String FINAL_NORM = "model.norm.weight";
    /** [vocabulary, hidden]: there unless the model ties its embeddings. */
    public static final String HEAD = "lm_head.weight";

    private TensorNames() {}

    /** The name under which the head's weights are found: the embedding's where the two are tied. */
    public static String head(ModelConfig config) {
        return config.tiedEmbeddings() ? EMBEDDING : HEAD;
    }

    /** Every tensor that the model needs and the shape it must have, from the embedding to the head. */
    public static Map<String, List<Long>> needed(ModelConfig config) {
        List<Long> vocabularyByHidden = List.of((long) config.vocabularySize(), (long) config.hiddenSize());
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        shapes.put(EMBEDDING, vocabularyByHidden);
        for (int layer = 0; layer < config.layers(); layer++) {
            for (LayerTensor tensor : LayerTensor.values()) {
                shapes.put(tensor.name(layer), tensor.shape(config));
            }
        }
        shapes.put(FINAL_NORM, List.of((long) config.hiddenSize()));
        shapes.put(head(config), vocabularyByHidden);
        return shapes;
    }
}
