package dev.slayer.server.jobs;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.recipe.LayerSource;
import java.util.SortedSet;

/** What the server serves, for training on it. Thread-safe. */
public interface TrainableModels {
    /**
     * Finds a model and keeps what its layers come from loaded.
     *
     * @param model a name, with or without edits behind {@code @}
     * @throws dev.slayer.surgery.SlayerException 404 or 400 if there is no such model, or it cannot be trained on
     */
    Held hold(String model);

    /**
     * A model that stays loaded until this is closed.
     *
     * @param checkpoint name of the checkpoint that it is of
     * @param layout what is edited of it, as behind {@code @}; empty for nothing
     * @param trainable slots that its strategy trains, where it is a variant that was made by one
     * @param trainsHead whether that strategy trains the head as well
     * @param sources of the layers; the empty name is the checkpoint
     * @param release lets go of it
     */
    record Held(
            String checkpoint,
            String layout,
            SortedSet<Integer> trainable,
            boolean trainsHead,
            Checkpoint base,
            Namespace others,
            LayerSource sources,
            Tokenizer tokenizer,
            Runnable release)
            implements AutoCloseable {
        @Override
        public void close() {
            release.run();
        }
    }
}
