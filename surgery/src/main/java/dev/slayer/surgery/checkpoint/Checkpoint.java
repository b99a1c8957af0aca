package dev.slayer.surgery.checkpoint;

import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * A Hugging Face checkpoint directory: immutable, memory-mapped, every tensor checked before it is handed out.
 *
 * <p>Thread-safe. Tensors are valid until {@link #close}; the owner must see that nobody reads one afterwards.
 */
public interface Checkpoint extends AutoCloseable {
    /** The directory. */
    Path directory();

    /** The model's shape. */
    ModelConfig config();

    /**
     * A tensor of a given name.
     *
     * @throws CheckpointException naming file and tensor, if there is none
     */
    Tensor tensor(String name);

    /** All names, in file order. */
    Set<String> names();

    /** A file beside the weights such as {@code tokenizer.json}, if it is there; never outside the directory. */
    Optional<Path> file(String name);

    /** Bytes of all tensors. */
    long bytes();

    /** Unmaps the files. Idempotent. */
    @Override
    void close();
}
