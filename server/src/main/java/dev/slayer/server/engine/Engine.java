package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
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
    static Engine start(EngineSettings settings, KvPool pool, List<EngineModel> models, MeterRegistry registry) {
        return new EngineLoop(settings, pool, models, registry).start();
    }

    /**
     * Hands a sequence to the engine. Its events go to the listener until it has finished, failed or been cancelled.
     *
     * @return for cancelling
     * @throws dev.slayer.surgery.SlayerException 400 if the request cannot run (an id outside the vocabulary, prompt + max_tokens
     *     over the context, more KV than there is), 404 if the model is unknown, 429 if the queue is full, 503 if draining
     */
    Ticket submit(SequenceRequest request, SequenceListener listener);

    /** Shape of a checkpoint being served. @throws dev.slayer.surgery.SlayerException 404 if the model is unknown */
    ModelConfig config(String model);

    /**
     * Serves one more checkpoint; completes when sequences can name it.
     *
     * @param model owned by the engine from now on, also if this fails
     */
    default CompletableFuture<Void> load(EngineModel model) {
        return CompletableFuture.failedFuture(new UnsupportedOperationException("load"));
    }

    /**
     * Serves a checkpoint no longer: new sequences that name it are refused; completes when its last sequence has ended and its
     * runner is closed.
     */
    default CompletableFuture<Void> unload(String name) {
        return CompletableFuture.failedFuture(new UnsupportedOperationException("unload"));
    }

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
