package dev.slayer.server.cli;

import dev.slayer.server.api.CheckpointLoader;
import dev.slayer.server.api.LoadedCheckpoint;
import dev.slayer.server.api.ServedModel;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.RopeConfig;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens checkpoints, and closes those that are still open at the end. Thread-safe. */
final class OpenCheckpoints implements CheckpointLoader, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(OpenCheckpoints.class);

    private final BiFunction<String, Checkpoint, Runner> runners;
    private final Set<Files> open = ConcurrentHashMap.newKeySet();

    /** @param runners make what runs a checkpoint */
    OpenCheckpoints(BiFunction<String, Checkpoint, Runner> runners) {
        this.runners = runners;
    }

    @Override
    public LoadedCheckpoint load(String name, Path directory) {
        Files files = new Files(Checkpoint.open(directory));
        boolean loaded = false;
        try {
            Checkpoint checkpoint = files.checkpoint;
            if (!checkpoint.extras().isEmpty()) {
                LOG.warn("{}: tensors that the model does not use: {}", directory, checkpoint.extras());
            }
            if (checkpoint.config().rope().scaling() instanceof RopeConfig.Scaling.Dynamic dynamic) {
                LOG.info(
                        "{}: rope_scaling is dynamic with factor {}, which begins beyond the context of {} tokens; longer requests are refused",
                        directory,
                        dynamic.factor(),
                        checkpoint.config().contextLength());
            }
            Tokenizer tokenizer = Tokenizer.load(directory);
            files.tokenizer = tokenizer;
            ServedModel model = new ServedModel(
                    name,
                    Instant.now(),
                    checkpoint.config(),
                    Layout.identity(checkpoint.config().layers()),
                    tokenizer,
                    checkpoint.config().contextLength());
            EngineModel engineModel = new EngineModel(name, runners.apply(name, checkpoint), tokenizer.vocabulary());
            open.add(files);
            loaded = true;
            return new LoadedCheckpoint(model, checkpoint, engineModel, () -> close(files));
        } finally {
            if (!loaded) {
                files.close();
            }
        }
    }

    private void close(Files files) {
        if (open.remove(files)) {
            files.close();
        }
    }

    @Override
    public void close() {
        open.forEach(this::close);
    }

    /** What is open of one checkpoint. */
    private static final class Files {
        private final Checkpoint checkpoint;
        private Tokenizer tokenizer; // null until it is open

        Files(Checkpoint checkpoint) {
            this.checkpoint = checkpoint;
        }

        void close() {
            try (checkpoint) {
                if (tokenizer != null) {
                    tokenizer.close();
                }
            }
        }
    }
}
