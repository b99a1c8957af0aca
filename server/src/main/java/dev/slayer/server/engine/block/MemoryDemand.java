package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What a server is to keep in memory. Budgets are what may be taken in time; weights and workspace are taken in any case.
 *
 * @param models checkpoints by their names
 * @param type of the weights
 * @param maxRows rows of the largest step
 * @param stagedRows of quantized keys and values that attention widens for several sequences at once; 0 where they are not quantized
 * @param derivedBytes budget of blocks made from recipes
 * @param kvBytes budget of running sequences' KV; empty for what is left of a device
 * @param prefixBytes budget of the prefix cache
 * @param trainingBytes budget of a training job
 */
public record MemoryDemand(
        Map<String, ModelConfig> models,
        WeightType type,
        int maxRows,
        int stagedRows,
        long derivedBytes,
        OptionalLong kvBytes,
        long prefixBytes,
        long trainingBytes) {
    private static final int HEAD_ROWS = 256; // most rows whose logits are there at once, on any device
    private static final int LEAST_TOKENS = 256; // of a server that is of any use

    public MemoryDemand {
        models = Collections.unmodifiableMap(new LinkedHashMap<>(models));
    }

    /**
     * Bytes of a checkpoint's weights: matrices of blocks and head in their type, norms as float32. The embedding is read from the file's
     * map on the processor and copied to a device, where a tied head is the same memory.
     *
     * @param onDevice whether the memory is a device's own
     * @param elementBytes of an activation, which the embedding has the type of
     */
    long weightBytes(ModelConfig config, boolean onDevice, int elementBytes) {
        long block = 0;
        for (LayerTensor tensor : LayerTensor.values()) {
            List<Long> shape = tensor.shape(config);
            long weights = shape.stream().reduce(1L, Math::multiplyExact);
            block += shape.size() == 2 ? type.bytes(weights) : weights * Float.BYTES;
        }
        long matrix = Math.multiplyExact((long) config.vocabularySize(), config.hiddenSize());
        long embedding = onDevice ? matrix * elementBytes : 0;
        boolean shared = onDevice && config.tiedEmbeddings();
        return Math.addExact(Math.multiplyExact(block, config.layers()), embedding + (shared ? 0 : type.bytes(matrix)));
    }

    /**
     * Bytes that the largest step works in. A row needs, at the widest point of a block, six rows of the hidden width (residual, sum,
     * norm, gathered and the two that blocks write in turn), its queries, keys and values, what attention gives, and three rows of the
     * MLP's width (gate, up, their product); the head needs the logits of 256 rows four times as float32: as they are, in the type of
     * activations and as that is widened, as probabilities, and as their sums. What attention widens comes on top.
     */
    long workspaceBytes(ModelConfig config, int elementBytes) {
        long qkv = config.qkvWidth();
        long row = 6L * config.hiddenSize() + qkv + config.queryWidth() + 3L * config.intermediateSize();
        long logits = 4L * Math.min(maxRows, HEAD_ROWS) * config.vocabularySize() * Float.BYTES;
        long staging = stagingBytes(config, elementBytes);
        return Math.addExact(Math.multiplyExact(row, (long) maxRows * elementBytes), Math.addExact(logits, staging));
    }

    /**
     * Bytes of quantized keys and values widened: for several sequences, or for one as long as the context. Twice, since the library's
     * memory comes in powers of two rows and what was taken for fewer stays.
     */
    private long stagingBytes(ModelConfig config, int elementBytes) {
        if (stagedRows == 0) {
            return 0;
        }
        long rows = Math.max(stagedRows, config.contextLength());
        return Math.multiplyExact(2 * 2L * config.kvWidth() * elementBytes, rows);
    }

    /** KV of the fewest tokens that a server is of any use with, of the model that needs most. */
    long leastKvBytes(int elementBytes) {
        return models.values().stream()
                .mapToLong(config -> 2L * config.layers() * config.kvWidth() * elementBytes * LEAST_TOKENS)
                .max()
                .orElse(0);
    }
}
