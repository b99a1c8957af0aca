package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import dev.slayer.server.engine.block.Probe;
import dev.slayer.server.engine.block.ProductGraph;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import java.nio.file.Path;

/** The limits of a device with memory of its own: copies and products go through its queue, and the host waits once for all. */
public final class PackedProbe implements Probe {
    private static final long PATTERN_BYTES = 1 << 20;
    private static final int WARMUP = 3;

    private final OnnxRuntime runtime;
    private final Accelerator accelerator;
    private final ElementType type;

    /**
     * Takes over the runtime and the accelerator.
     *
     * @param type of what is multiplied: float32 or bfloat16
     */
    public PackedProbe(OnnxRuntime runtime, Accelerator accelerator, ElementType type) {
        this.runtime = runtime;
        this.accelerator = accelerator;
        this.type = type;
    }

    /**
     * A GPU, in bfloat16. Takes over the accelerator.
     *
     * @param library of ONNX Runtime
     */
    public static PackedProbe cuda(Path library, int threads, Accelerator accelerator) {
        return new PackedProbe(OnnxRuntime.open(library, threads), accelerator, ElementType.BFLOAT16);
    }

    @Override
    public double copySeconds(long bytes, int times) {
        try (DeviceMemory from = accelerator.allocate(bytes);
                DeviceMemory to = accelerator.allocate(bytes)) {
            accelerator.zero(from.all());
            return seconds(() -> accelerator.copy(from.all(), to.all()), 1, times);
        }
    }

    @Override
    public double productSeconds(int m, int n, int k, int times) {
        try (DeviceMemory rows = filled(m, k);
                DeviceMemory weights = filled(n, k);
                DeviceMemory product = accelerator.allocate((long) m * n * type.bytes());
                Session session = runtime.session(ProductGraph.of(type, n, k), accelerator.placement(), false);
                Binding binding = session.bind()) {
            binding.input("rows", type, rows.all(), m, k)
                    .input("weights", type, weights.all(), n, k)
                    .output("product", type, product.all(), m, n);
            return seconds(() -> binding.queue(-1), WARMUP, times);
        }
    }

    private double seconds(Runnable queued, int warmup, int times) {
        try {
            for (int i = 0; i < warmup; i++) {
                queued.run();
            }
            accelerator.await();
            long begun = System.nanoTime();
            for (int i = 0; i < times; i++) {
                queued.run();
            }
            accelerator.await();
            return (System.nanoTime() - begun) / 1e9 / times;
        } finally {
            accelerator.await(); // what was queued must not run into memory that is given back
        }
    }

    private DeviceMemory filled(int rows, int columns) {
        long bytes = (long) rows * columns * type.bytes();
        DeviceMemory memory = accelerator.allocate(bytes);
        try (HostMemory pattern = accelerator.allocateHost(Math.min(bytes, PATTERN_BYTES))) {
            ProductGraph.fill(pattern.segment(), type);
            for (long at = 0; at < bytes; at += PATTERN_BYTES) {
                long length = Math.min(PATTERN_BYTES, bytes - at);
                DeviceSlice target = memory.all().slice(at, length);
                accelerator.fill(pattern.segment().asSlice(0, length), target);
            }
            return memory;
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    @Override
    public void close() {
        accelerator.close();
        runtime.close();
    }
}
