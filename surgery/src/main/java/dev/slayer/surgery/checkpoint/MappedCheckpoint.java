package dev.slayer.surgery.checkpoint;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A checkpoint whose files are mapped for the life of one shared arena, which this object owns. */
final class MappedCheckpoint implements Checkpoint {
    private final Folder folder;
    private final ModelConfig config;
    private final Arena arena;
    private final Weights weights;
    private final List<String> extras;

    private MappedCheckpoint(Folder folder, ModelConfig config, Arena arena) {
        this.folder = folder;
        this.config = config;
        this.arena = arena;
        this.weights = Weights.open(folder, arena);
        this.extras = Inventory.check(config, weights);
    }

    static Checkpoint open(Path directory) {
        Folder folder = Folder.of(directory);
        ModelConfig config = ConfigReader.read(folder);
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            Checkpoint checkpoint = new MappedCheckpoint(folder, config, arena);
            opened = true;
            return checkpoint;
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    @Override
    public Path directory() {
        return folder.path();
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public Tensor tensor(String name) {
        return weights.tensor(name);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(weights.entries().keySet());
    }

    @Override
    public List<String> extras() {
        return extras;
    }

    @Override
    public Optional<Path> file(String name) {
        return folder.find(name);
    }

    @Override
    public long bytes() {
        return weights.bytes();
    }

    @Override
    public void verifyUnchanged() {
        weights.shards().forEach(Shard::verifyUnchanged);
    }

    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
