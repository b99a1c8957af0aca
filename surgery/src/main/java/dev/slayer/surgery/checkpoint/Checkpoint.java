package dev.slayer.surgery.checkpoint;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A Hugging Face checkpoint directory: immutable, memory-mapped, every tensor checked before it is handed out.
 *
 * <p>Thread-safe. Tensors are valid until {@link #close}; the owner must see that nobody reads one afterwards.
 *
 * <p>The files must not be written to while the checkpoint is open: a mapping shows what is written, and reading a page that was
 * cut off is a fault of the operating system. {@link Tensor#toFloat32} turns that fault into an exception; other Java code gets
 * an {@link InternalError}; native code that reads the same memory ends the process. So call {@link #verifyUnchanged} before
 * handing memory to native code; what shrinks the file between that call and the reading cannot be prevented. Replacing a file
 * by renaming another over it is harmless, for the mapping keeps the old one.
 */
public interface Checkpoint extends AutoCloseable {
    /**
     * Opens a directory: reads config.json, maps {@code model.safetensors} or the shards that {@code
     * model.safetensors.index.json} names, and checks that every tensor which the model needs is there with the right shape in
     * an element type of {@link DType}. Costs no memory beyond the headers.
     *
     * <p>Links in the directory are followed if they stay in it or lead to the blobs of a Hugging Face hub cache.
     *
     * @throws CheckpointException naming the file and, where there is one, the tensor or key at fault
     */
    static Checkpoint open(Path directory) {
        return MappedCheckpoint.open(directory);
    }

    /** The directory. */
    Path directory();

    /** The model's shape. */
    ModelConfig config();

    /**
     * A tensor of a given name.
     *
     * @throws CheckpointException naming file and tensor, if there is none or its element type is not one of {@link DType},
     *     which only an extra's can be
     */
    Tensor tensor(String name);

    /**
     * The numbers of a tensor, for whoever does not need them in memory: computed while they are read where they are not in a file.
     *
     * @throws dev.slayer.surgery.SlayerException as {@link #tensor} does
     */
    default Float32Source source(String name) {
        return tensor(name);
    }

    /** All names, in file order. */
    Set<String> names();

    /** Names of the tensors that the model does not use, in file order: worth a warning where there are any. */
    List<String> extras();

    /**
     * A file beside the weights such as {@code tokenizer.json}, if it is there; never outside the directory.
     *
     * @throws CheckpointException if the name is not plain, the file is not regular or is a link that leaves the directory
     */
    Optional<Path> file(String name);

    /** Bytes of all tensors. */
    long bytes();

    /**
     * Looks whether the mapped files still are what they were when opened, by size, time and identity.
     *
     * @throws CheckpointException naming the file that is not
     */
    void verifyUnchanged();

    /** Unmaps the files. Idempotent. */
    @Override
    void close();
}
