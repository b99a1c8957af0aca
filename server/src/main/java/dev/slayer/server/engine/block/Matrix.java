package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Writes "x times the transpose of a checkpoint's matrix" into a graph, in whatever weight type is asked for. */
final class Matrix {
    private static final long INT8_ACTIVATIONS = 4; // accuracy_level: activations are quantized too, 15 times faster

    private static final long PART = 1 << 20; // elements that one core takes at a time
    private final WeightType type;
    private final Arena arena;

    /**
     * @param arena for weights until the session is made, open to all threads
     */
    Matrix(WeightType type, Arena arena) {
        this.type = type;
        this.arena = arena;
    }

    /**
     * Adds the product to a graph.
     *
     * @param x name of the left side [T, in]
     * @param y name of the result [T, out]
     * @param parts matrices [out_i, in], stacked: out is the sum of all out_i
     */
    void multiply(Graph.Builder graph, String x, String y, List<Tensor> parts) {
        int in = Math.toIntExact(parts.getFirst().shape().getLast());
        int out = Math.toIntExact(
                parts.stream().mapToLong(part -> part.shape().getFirst()).sum());
        switch (type) {
            case FP32 -> {
                String weight = graph.weight(y + "_weight", ElementType.FLOAT, memory -> stack(parts, memory), out, in);
                graph.node("Gemm", "", y, List.of(x, weight), Map.of("transB", 1L));
            }
            case INT8, INT4 -> {
                MemorySegment stacked = arena.allocate((long) out * in * Float.BYTES, 64);
                stack(parts, stacked);
                Quantizer.Quantized quantized = new Quantizer(type.bits()).quantize(stacked, out, in, arena);
                int blob = Quantizer.BLOCK * type.bits() / 8;
                String values = graph.weight(
                        y + "_values", ElementType.UINT8, quantized.values(), out, quantized.blocks(), blob);
                String scales =
                        graph.weight(y + "_scales", ElementType.FLOAT, quantized.scales(), out, quantized.blocks());
                graph.node(
                        "MatMulNBits",
                        Graph.MICROSOFT,
                        y,
                        List.of(x, values, scales),
                        Map.of(
                                "K", (long) in,
                                "N", (long) out,
                                "bits", (long) type.bits(),
                                "block_size", (long) Quantizer.BLOCK,
                                "accuracy_level", INT8_ACTIVATIONS));
            }
        }
    }

    /** A vector as a weight of the graph. */
    String vector(Graph.Builder graph, String name, Tensor tensor) {
        return graph.weight(name, ElementType.FLOAT, memory -> tensor.toFloat32(0, memory), tensor.elements());
    }

    /** Writes matrices below one another as float32. */
    private static void stack(List<Tensor> parts, MemorySegment target) {
        long at = 0;
        for (Tensor part : parts) {
            long bytes = part.elements() * Float.BYTES;
            convert(part, target.asSlice(at, bytes));
            at += bytes;
        }
    }

    /** On all cores. */
    private static void convert(Tensor tensor, MemorySegment target) {
        int parts = (int) ((tensor.elements() + PART - 1) / PART);
        IntStream.range(0, parts).parallel().forEach(part -> {
            long from = part * PART;
            long count = Math.min(PART, tensor.elements() - from);
            tensor.toFloat32(from, target.asSlice(from * Float.BYTES, count * Float.BYTES));
        });
    }
}
