package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.surgery.checkpoint.Float32Source;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/** Writes "x times the transpose of a checkpoint's matrix" into a graph, in whatever weight type is asked for. */
final class Matrix {
    private static final long INT8_ACTIVATIONS = 4; // accuracy_level: activations are quantized too, 15 times faster

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
     * Adds the product to a graph. Weights are read when the session is made, straight into its memory, on all cores.
     *
     * @param x name of the left side [T, in]
     * @param y name of the result [T, out]
     * @param parts matrices [out_i, in], stacked: out is the sum of all out_i
     */
    void multiply(Graph.Builder graph, String x, String y, List<Float32Source> parts) {
        StackedRows rows = new StackedRows(parts);
        int in = rows.columns();
        int out = rows.count();
        switch (type) {
            case FP32 -> {
                String weight = graph.weight(y + "_weight", ElementType.FLOAT, rows::readAll, out, in);
                graph.node("Gemm", "", y, List.of(x, weight), Map.of("transB", 1L));
            }
            case BF16, FP16 ->
                throw new IllegalArgumentException(type + " is no weight type of the CPU; allowed: FP32, INT8, INT4");
            case INT8, INT4 -> {
                Quantizer quantizer = new Quantizer(type.bits());
                int blocks = quantizer.blocks(in);
                MemorySegment scales = arena.allocate((long) out * blocks * Float.BYTES, 64);
                // Written in this order: the scales are known when the values are.
                String values = graph.weight(
                        y + "_values",
                        ElementType.UINT8,
                        memory -> quantizer.quantize(rows, memory, scales),
                        out,
                        blocks,
                        quantizer.blockBytes());
                String scale =
                        graph.weight(y + "_scales", ElementType.FLOAT, memory -> memory.copyFrom(scales), out, blocks);
                graph.node(
                        "MatMulNBits",
                        Graph.MICROSOFT,
                        y,
                        List.of(x, values, scale),
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
    String vector(Graph.Builder graph, String name, Float32Source vector) {
        return graph.weight(name, ElementType.FLOAT, memory -> vector.toFloat32(0, memory), vector.elements());
    }
}
