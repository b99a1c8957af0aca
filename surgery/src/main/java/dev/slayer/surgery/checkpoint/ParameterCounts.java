package dev.slayer.surgery.checkpoint;

/**
 * How many numbers a model has, from its config alone.
 *
 * @param embedding of the embedding matrix
 * @param layer of each decoder layer, norms included
 * @param layers of all decoder layers together
 * @param finalNorm of the norm before the head
 * @param head of the language-model head; 0 where it is the embedding
 */
public record ParameterCounts(long embedding, long layer, long layers, long finalNorm, long head) {
    static ParameterCounts of(ModelConfig config) {
        long layer = 0;
        for (LayerTensor tensor : LayerTensor.values()) {
            layer += tensor.shape(config).stream().reduce(1L, Math::multiplyExact);
        }
        long embedding = (long) config.vocabularySize() * config.hiddenSize();
        return new ParameterCounts(
                embedding,
                layer,
                Math.multiplyExact(layer, config.layers()),
                config.hiddenSize(),
                config.tiedEmbeddings() ? 0 : embedding);
    }

    /** All together. */
    public long total() {
        return embedding + layers + finalNorm + head;
    }
}
