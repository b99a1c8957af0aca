package dev.slayer.server.engine.block;

import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;

/** The CPU as a device: one ONNX Runtime for all checkpoints. Thread-safe; close it after the engine that uses it. */
public final class CpuDevice implements AutoCloseable {
    private final OnnxRuntime runtime;

    private CpuDevice(OnnxRuntime runtime) {
        this.runtime = runtime;
    }

    /**
     * Loads ONNX Runtime.
     *
     * @param threads that work on one operator, at least 1
     * @throws dev.slayer.surgery.SlayerException if the native library cannot be loaded
     */
    public static CpuDevice open(int threads) {
        return new CpuDevice(OnnxRuntime.open(threads));
    }

    /** Version of ONNX Runtime. */
    public String runtimeVersion() {
        return runtime.version();
    }

    /**
     * Compiles a checkpoint.
     *
     * @param checkpoint stays open until the runner is closed
     * @param pool KV memory of the engine
     * @param maxRows rows of the largest step
     */
    public Runner runner(Checkpoint checkpoint, WeightType type, KvPool pool, int maxRows) {
        checkpoint.verifyUnchanged();
        return new OnnxRunner(runtime, checkpoint, type, pool, maxRows);
    }

    @Override
    public void close() {
        runtime.close();
    }
}
