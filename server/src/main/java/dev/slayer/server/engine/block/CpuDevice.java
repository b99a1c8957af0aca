package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.nio.file.Path;

/** The CPU as a device. */
public final class CpuDevice implements Device {
    private final OnnxRuntime runtime;
    private final BlockStore store;

    private CpuDevice(OnnxRuntime runtime, DerivedBlocks limits) {
        this.runtime = runtime;
        this.store = new BlockStore(new BlockCompiler(runtime), limits);
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

    /**
     * Loads a library of ONNX Runtime, such as the one that a GPU is used with, beside which another had better not be loaded.
     *
     * @param library of ONNX Runtime
     * @see #open(int, DerivedBlocks)
     */
    public static CpuDevice open(Path library, int threads, DerivedBlocks limits) {
        return new CpuDevice(OnnxRuntime.open(library, threads), limits);
    }

    @Override
    public String runtimeVersion() {
        return runtime.version();
    }

    @Override
    public KvMemory kvMemory(long bytes) {
        return new KvPool(bytes);
    }

    @Override
    public Runner runner(String name, Checkpoint checkpoint, WeightType type, KvMemory memory, int maxRows) {
        checkpoint.verifyUnchanged();
        return new OnnxRunner(runtime, store, name, checkpoint, type, (KvPool) memory, maxRows);
    }

    @Override
    public Donor lend(String name, Checkpoint delta, Layout trained, WeightType type) {
        delta.verifyUnchanged();
        LoadedCheckpoint lent = store.lend(name, delta, trained, type);
        return () -> store.retire(lent);
    }

    @Override
    public DerivedBlocks.Use derivedBlocks() {
        return store.use();
    }

    @Override
    public void close() {
        store.close();
        runtime.close();
    }
}
