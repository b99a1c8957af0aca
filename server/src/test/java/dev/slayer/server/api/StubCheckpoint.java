package dev.slayer.server.api;

import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.StubRunner;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A checkpoint without weights, for a stub engine. */
record StubCheckpoint(Path directory) implements Checkpoint {
    /** As it is served by a name. */
    LoadedCheckpoint loaded(ServedModel model) {
        StubRunner runner = new StubRunner(new KvPool(1 << 20), 16, 0, 16, 1, 16);
        return new LoadedCheckpoint(
                model,
                this,
                new EngineModel(model.name(), runner, model.tokenizer().vocabulary()),
                () -> {});
    }

    @Override
    public ModelConfig config() {
        return StubEngine.CONFIG;
    }

    @Override
    public Tensor tensor(String name) {
        throw new UnsupportedOperationException("a stub has no weights");
    }

    @Override
    public Set<String> names() {
        return Set.of();
    }

    @Override
    public List<String> extras() {
        return List.of();
    }

    @Override
    public Optional<Path> file(String name) {
        return Optional.empty();
    }

    @Override
    public long bytes() {
        return 0;
    }

    @Override
    public void verifyUnchanged() {}

    @Override
    public void close() {}
}
