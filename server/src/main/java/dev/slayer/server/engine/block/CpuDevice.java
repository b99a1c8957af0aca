package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;

/** The CPU as a device: one ONNX Runtime for all checkpoints. Thread-safe; close it after the engine that uses it. */
public final class CpuDevice implements AutoCloseable {
    private final OnnxRuntime runtime;
    private final BlockStore store;

    private CpuDevice(OnnxRuntime runtime, DerivedBlocks limits) {
        this.runtime = runtime;
        this.store = new BlockStore(runtime, limits);
    }

    /**
     * Loads ONNX Runtime.
     *
     * @param threads that work on one operator, at least 1
     * @param limits of the blocks made from recipes
     * @throws dev.slayer.surgery.SlayerException if the native library cannot be loaded
     */
    public static CpuDevice open(int threads, DerivedBlocks limits) {
        return new CpuDevice(OnnxRuntime.open(threads), limits);
    }

    /** Version of ONNX Runtime. */
    public String runtimeVersion() {
        return runtime.version();
    }

    /**
     * Compiles a checkpoint. Takes its time; any thread.
     *
     * @param name by which layouts of other checkpoints may take its layers
     * @param checkpoint stays open until the runner has retired
     * @param pool KV memory of the engine
     * @param maxRows rows of the largest step
     */
    public Runner runner(String name, Checkpoint checkpoint, WeightType type, KvPool pool, int maxRows) {
        checkpoint.verifyUnchanged();
        return new OnnxRunner(runtime, store, name, checkpoint, type, pool, maxRows);
    }

    /**
     * Lets layouts take what a delta has trained, from now on. Costs nothing before one does. Any thread.
     *
     * @param name by which layouts may take of it: {@code name:4}, {@code head(name)}
     * @param delta over its base; stays open until the donor has retired
     * @param trained the layout whose slots are its layers
     */
    public Donor lend(String name, Checkpoint delta, Layout trained, WeightType type) {
        delta.verifyUnchanged();
        LoadedCheckpoint lent = store.lend(name, delta, trained, type);
        return () -> store.retire(lent);
    }

    /** What derived blocks take now; any thread. */
    public DerivedBlocks.Use derivedBlocks() {
        return store.use();
    }

    @Override
    public void close() {
        store.close();
        runtime.close();
    }
}
