package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** The processor's limits, in float32, by all threads together. */
public final class HostProbe implements Probe {
    private final OnnxRuntime runtime;
    private final int threads;

    private HostProbe(OnnxRuntime runtime, int threads) {
        this.runtime = runtime;
        this.threads = threads;
    }

    /**
     * Loads ONNX Runtime.
     *
     * @param threads that work on one product, at least 1
     */
    public static HostProbe open(int threads) {
        return new HostProbe(OnnxRuntime.open(threads), threads);
    }

    @Override
    public double copySeconds(long bytes, int times) {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment from = arena.allocate(bytes, 64);
            MemorySegment to = arena.allocate(bytes, 64);
            copy(from, to); // touches every page
            long begun = System.nanoTime();
            for (int i = 0; i < times; i++) {
                copy(from, to);
            }
            return (System.nanoTime() - begun) / 1e9 / times;
        }
    }

    private void copy(MemorySegment from, MemorySegment to) {
        long part = from.byteSize() / threads;
        IntStream.range(0, threads).parallel().forEach(i -> {
            long length = i == threads - 1 ? from.byteSize() - i * part : part;
            to.asSlice(i * part, length).copyFrom(from.asSlice(i * part, length));
        });
    }

    @Override
    public double productSeconds(int m, int n, int k, int times) {
        try (Arena arena = Arena.ofShared();
                Session session = runtime.session(ProductGraph.of(ElementType.FLOAT, n, k));
                Binding binding = session.bind()) {
            MemorySegment rows = arena.allocate((long) m * k * Float.BYTES, 64);
            MemorySegment weights = arena.allocate((long) n * k * Float.BYTES, 64);
            ProductGraph.fill(rows, ElementType.FLOAT);
            ProductGraph.fill(weights, ElementType.FLOAT);
            binding.input("rows", ElementType.FLOAT, rows, m, k)
                    .input("weights", ElementType.FLOAT, weights, n, k)
                    .output("product", ElementType.FLOAT, arena.allocate((long) m * n * Float.BYTES, 64), m, n);
            binding.run();
            long begun = System.nanoTime();
            for (int i = 0; i < times; i++) {
                binding.run();
            }
            return (System.nanoTime() - begun) / 1e9 / times;
        }
    }

    @Override
    public void close() {
        runtime.close();
    }
}
