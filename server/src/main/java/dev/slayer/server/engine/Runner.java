package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.List;

/**
 * A model on a device. The engine's thread only, where not said otherwise. The plain-Java twin in the tests is slow and obvious.
 */
public interface Runner extends AutoCloseable {
    /** Shape of the model; any thread. */
    ModelConfig config();

    /** An empty cache for a sequence of a layout; any thread, since it holds no memory yet. */
    KvCache openKv(Layout layout);

    /** Most bytes of KV that a sequence holds while it grows to so many rows; any thread. */
    long kvBytes(Layout layout, int rows);

    /**
     * Runs rows through a stack: fills each chunk's KV rows and reports logits.
     *
     * @param chunks of different sequences, at most the settings' tokens together
     * @param sink receives the logits of every position asked for: chunk by chunk, positions ascending
     * @throws dev.slayer.surgery.SlayerException if the device refuses; caches may then hold anything in the rows of this step
     */
    void run(Layout layout, List<Chunk> chunks, LogitsSink sink);

    @Override
    void close();

    /** Takes the logits of one position. */
    @FunctionalInterface
    interface LogitsSink {
        /**
         * Takes them.
         *
         * @param chunk index in the list that was run
         * @param position whose next token the logits predict
         * @param logits of every token of the vocabulary: [vocabulary]; reused after the call
         */
        void accept(int chunk, int position, float[] logits);
    }
}
