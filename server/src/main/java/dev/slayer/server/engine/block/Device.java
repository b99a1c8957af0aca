package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Runner;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;

/** Where checkpoints run: one ONNX Runtime for all of them. Thread-safe; close it after the engine that uses it. */
public interface Device extends AutoCloseable {
    /** Version of ONNX Runtime. */
    String runtimeVersion();

    /**
     * Memory for the KV of an engine, which owns it from then on.
     *
     * @param bytes that caches may hold together
     * @throws dev.slayer.surgery.SlayerException 507 if the device has not so much
     */
    KvMemory kvMemory(long bytes);

    /**
     * Puts a checkpoint on the device. Takes its time; any thread.
     *
     * @param name by which layouts of other checkpoints may take its layers
     * @param checkpoint stays open until the runner has retired
     * @param memory of {@link #kvMemory}
     * @param maxRows rows of the largest step
     * @throws dev.slayer.surgery.SlayerException if the checkpoint or the runtime fails
     */
    Runner runner(String name, Checkpoint checkpoint, WeightType type, KvMemory memory, int maxRows);

    /**
     * Lets layouts take what a delta has trained, from now on. Costs nothing before one does. Any thread.
     *
     * @param name by which layouts may take of it: {@code name:4}, {@code head(name)}
     * @param delta over its base; stays open until the donor has retired
     * @param trained the layout whose slots are its layers
     */
    Donor lend(String name, Checkpoint delta, Layout trained, WeightType type);

    /** What derived blocks take now; any thread. */
    DerivedBlocks.Use derivedBlocks();

    @Override
    void close();
}
