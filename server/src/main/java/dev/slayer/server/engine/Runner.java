package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * A model on a device. The engine's thread only, where not said otherwise. The plain-Java twin in the tests is slow and obvious.
 */
public interface Runner extends AutoCloseable {
    /** Shape of the model; any thread. */
    ModelConfig config();

    /**
     * Makes a layout ready: at once where its blocks are there, otherwise when they have been made. Any thread; does not wait.
     *
     * @return to be closed by the caller; completes exceptionally with a {@link dev.slayer.surgery.SlayerException} if a block
     *     cannot be made
     * @throws dev.slayer.surgery.SlayerException 400 if the layout takes layers that there are not, 507 if its blocks would need
     *     more memory than there is for them
     */
    CompletableFuture<Stack> prepare(Layout layout);

    /** What a layout takes; any thread. @throws dev.slayer.surgery.SlayerException 400 as {@link #prepare} does */
    StackCost cost(Layout layout);

    /** An empty cache for a sequence of a layout; any thread, since it holds no memory yet. */
    Kv openKv(Layout layout);

    /** Most bytes of KV that a sequence holds while it grows to so many rows; any thread. */
    long kvBytes(Layout layout, int rows);

    /**
     * Runs rows, each through the stack of its sequence: fills each chunk's KV rows and reports what is wanted of them.
     *
     * @param chunks of different sequences, at most the settings' tokens together; those of one layout best lie together
     * @param sink receives every output asked for: of each chunk positions ascending, a score before its position's logits
     * @throws dev.slayer.surgery.SlayerException if the device refuses; caches may then hold anything in the rows of this step
     */
    void run(List<Chunk> chunks, Sink sink);

    /** Whether it draws tokens itself, where {@link Outputs#draw} asks for it. */
    default boolean draws() {
        return false;
    }

    /**
     * Takes no new stack from now on and frees the device's memory as soon as no stack uses it, which may be one of another
     * checkpoint. Called when no sequence of this model is left; then nothing else may be called. Does not wait.
     *
     * @return completes when the checkpoint may be closed
     */
    CompletableFuture<Void> retire();

    /** Retires, and waits for it. Idempotent. */
    @Override
    default void close() {
        retire().join();
    }

    /** Takes what was asked for. */
    interface Sink {
        /**
         * Takes the score of the token after a position.
         *
         * @param chunk index in the list that was run
         * @param score of the raw log-softmax in float32; not a number where the logits are none
         */
        void score(int chunk, int position, TokenScore score);

        /**
         * Takes the logits of a position.
         *
         * @param chunk index in the list that was run
         * @param position whose next token the logits predict
         * @param logits of every token of the vocabulary: [vocabulary]; reused after the call
         */
        void logits(int chunk, int position, float[] logits);

        /**
         * Takes the hidden state of a position: what the final norm makes of the row after the stack's last slot.
         *
         * @param chunk index in the list that was run
         * @param hidden [hidden]; reused after the call
         */
        void hidden(int chunk, int position, float[] hidden);

        /**
         * Takes a token that was drawn on the device.
         *
         * @param chunk index in the list that was run
         * @param score of the token, by the raw log-softmax; present where it was asked for
         */
        default void drawn(int chunk, int position, int token, Optional<TokenScore> score) {
            throw new IllegalStateException("no draw was asked for");
        }
    }
}
