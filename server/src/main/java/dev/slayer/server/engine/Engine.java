package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Runs sequences. All methods may be called from any thread and none blocks, except {@link #close}.
 */
public interface Engine extends AutoCloseable {
    /**
     * Starts an engine.
     *
     * @param pool KV memory that the models' runners take from; owned by the engine from now on
     * @param models owned by the engine from now on
     * @param registry where the engine's own metrics go
     */
    static Engine start(EngineSettings settings, KvMemory pool, List<EngineModel> models, MeterRegistry registry) {
        return start(settings, pool, models, registry, 0);
    }

    /**
     * Starts one of several engines of a server.
     *
     * @param number from 0: its own metrics are told apart by it
     */
    static Engine start(
            EngineSettings settings, KvMemory pool, List<EngineModel> models, MeterRegistry registry, int number) {
        return new EngineLoop(settings, pool, models, registry, number).start();
    }

    /**
     * Hands a sequence to the engine. Its events go to the listener until it has finished, failed or been cancelled.
     *
     * @return for cancelling
     * @throws dev.slayer.surgery.SlayerException 400 if the request cannot run (an id outside the vocabulary, prompt + max_tokens
     *     over the context, a layer that there is not), 507 if it needs more memory for KV or derived blocks than there is, 404 if the model is unknown, 429 if the queue is full, 503 if draining
     */
    Ticket submit(SequenceRequest request, SequenceListener listener);

    /** Shape of a checkpoint being served. @throws dev.slayer.surgery.SlayerException 404 if the model is unknown */
    ModelConfig config(String model);

    /**
     * What a layout takes beyond the checkpoint's own weights.
     *
     * @throws dev.slayer.surgery.SlayerException 404 if the model is unknown, 400 if the layout takes layers that there are not
     */
    StackCost cost(String model, Layout layout);

    /**
     * Serves one more checkpoint from now on.
     *
     * @param model owned by the engine from now on, also if this fails
     * @throws dev.slayer.surgery.SlayerException 409 if there is one of that name, 503 if draining
     */
    void load(EngineModel model);

    /**
     * Serves a checkpoint no longer: new sequences get a 404, those that there are go on.
     *
     * @return completes when the last has ended and the memory is free: the checkpoint may be closed then
     * @throws dev.slayer.surgery.SlayerException 404 if the model is unknown
     */
    CompletableFuture<Void> unload(String model);

    /** What is going on now; a consistent snapshot of the last step's end. */
    EngineStatus status();

    /**
     * Takes no new work from now on; completes when the last sequence has ended. After the deadline the rest is cancelled.
     */
    CompletableFuture<Void> drain(Duration deadline);

    /** Stops at once: cancels what runs, frees the device, ends the thread. Waits for it. Idempotent. */
    @Override
    void close();

    /** A sequence that was submitted. */
    interface Ticket {
        /** Unique in this process. */
        long id();

        /** Ends the sequence at the next step, with a Finished event of reason CANCELLED if it had not ended. Idempotent. */
        void cancel();
    }
}
