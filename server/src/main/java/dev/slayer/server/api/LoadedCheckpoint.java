package dev.slayer.server.api;

import dev.slayer.server.engine.EngineModel;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.util.Objects;

/**
 * A checkpoint that is loaded.
 *
 * @param model as clients name it
 * @param weights the open files
 * @param engineModel for the engine, which owns what runs it from then on
 * @param resources everything else, weights included: to be closed when the engine has let go of it
 */
public record LoadedCheckpoint(ServedModel model, Checkpoint weights, EngineModel engineModel, Resources resources) {
    public LoadedCheckpoint {
        Objects.requireNonNull(model);
        Objects.requireNonNull(weights);
        Objects.requireNonNull(engineModel);
        Objects.requireNonNull(resources);
    }

    /** What a checkpoint occupies beside the engine. */
    @FunctionalInterface
    public interface Resources extends AutoCloseable {
        /** Idempotent. */
        @Override
        void close();
    }
}
