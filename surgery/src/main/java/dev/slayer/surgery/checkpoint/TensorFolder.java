package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * A folder with one safetensors file that is not a whole checkpoint: opened, mapped and bounded in the same way, with no claim about
 * which tensors there should be. Thread-safe; tensors are valid until it is closed.
 */
public final class TensorFolder implements AutoCloseable {
    private final Folder folder;
    private final Shard shard;
    private final Weights weights;
    private final Arena arena;

    private TensorFolder(Folder folder, Shard shard, Arena arena) {
        this.folder = folder;
        this.shard = shard;
        this.arena = arena;
        this.weights = Weights.of(shard.file(), List.of(shard));
    }

    /**
     * Maps a file of a folder.
     *
     * @param weights its plain name
     * @throws CheckpointException naming the file, if it is not there, leaves the folder, or is no sound safetensors file
     */
    public static TensorFolder open(Path directory, String weights) {
        Folder folder = Folder.of(directory);
        Path content = folder.require(weights);
        Arena arena = Arena.ofShared();
        boolean opened = false;
        try {
            TensorFolder open = new TensorFolder(folder, Shard.open(folder.named(weights), content, arena), arena);
            opened = true;
            return open;
        } finally {
            if (!opened) {
                arena.close();
            }
        }
    }

    /**
     * A JSON object from a small file of a folder, strictly read: no duplicate keys, bounded in depth and length.
     *
     * @param name plain
     * @param limit most bytes it may have
     * @throws CheckpointException naming the file
     */
    public static JsonNode json(Path directory, String name, int limit) {
        Folder folder = Folder.of(directory);
        return Json.readObject(folder.named(name), folder.require(name), limit);
    }

    /** The folder, as it was named. */
    public Path directory() {
        return folder.path();
    }

    /** The weights' file, for messages. */
    public Path file() {
        return shard.file();
    }

    /** Names of the tensors, in file order. */
    public Set<String> names() {
        return Collections.unmodifiableSet(weights.entries().keySet());
    }

    /**
     * A tensor.
     *
     * @throws CheckpointException if there is none of that name, or its element type is not one of {@link DType}
     */
    public Tensor tensor(String name) {
        return weights.tensor(name);
    }

    /** Bytes of all tensors. */
    public long bytes() {
        return weights.bytes();
    }

    /**
     * Looks whether the file still is what it was when it was opened.
     *
     * @throws CheckpointException if it is not
     */
    public void verifyUnchanged() {
        shard.verifyUnchanged();
    }

    /** Unmaps the file. Idempotent. */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
