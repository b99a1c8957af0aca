package dev.slayer.surgery.checkpoint;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The shape of a Llama-family model, read from a checkpoint's config.json.
 *
 * @param architecture {@code LlamaForCausalLM} or {@code MistralForCausalLM}
 * @param hiddenSize width of the residual stream
 * @param layers number of decoder layers
 * @param heads query heads
 * @param kvHeads key and value heads; divides heads
 * @param headDim width of one head
 * @param intermediateSize width of the MLP
 * @param vocabularySize rows of the embedding and of the language-model head
 * @param contextLength max_position_embeddings
 * @param rmsNormEps epsilon of every RMS norm
 * @param rope rotary position embedding
 * @param slidingWindow keys a query can see, itself included, where the model limits them (Mistral)
 * @param tiedEmbeddings the head is the embedding matrix
 * @param bosTokenId beginning-of-sequence token, if the config names one
 * @param eosTokenIds end-of-sequence tokens; generation_config.json wins over config.json; may be empty
 */
public record ModelConfig(
        String architecture,
        int hiddenSize,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int intermediateSize,
        int vocabularySize,
        int contextLength,
        float rmsNormEps,
        RopeConfig rope,
        OptionalInt slidingWindow,
        boolean tiedEmbeddings,
        OptionalInt bosTokenId,
        Set<Integer> eosTokenIds) {
    public ModelConfig {
        eosTokenIds = Collections.unmodifiableSet(new LinkedHashSet<>(eosTokenIds));
    }

    /**
     * Reads config.json, and the end-of-sequence tokens of generation_config.json where there is one.
     *
     * @throws CheckpointException naming file and key, if one is invalid, out of range or asks for what cannot be run
     */
    public static ModelConfig read(Path directory) {
        return ConfigReader.read(Folder.of(directory));
    }

    /** The same shape with another depth. */
    public ModelConfig withLayers(int depth) {
        return new ModelConfig(
                architecture,
                hiddenSize,
                depth,
                heads,
                kvHeads,
                headDim,
                intermediateSize,
                vocabularySize,
                contextLength,
                rmsNormEps,
                rope,
                slidingWindow,
                tiedEmbeddings,
                bosTokenId,
                eosTokenIds);
    }

    /** How many numbers the model has, and where. */
    public ParameterCounts parameters() {
        return ParameterCounts.of(this);
    }

    /** Width of all query heads together. */
    public int queryWidth() {
        return heads * headDim;
    }

    /** Width of queries, keys and values side by side. */
    public int qkvWidth() {
        return queryWidth() + 2 * kvWidth();
    }

    /** Width of all key heads (or all value heads) together. */
    public int kvWidth() {
        return kvHeads * headDim;
    }
}
