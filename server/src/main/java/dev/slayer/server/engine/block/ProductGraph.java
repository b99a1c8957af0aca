package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** One product of matrices as blocks have them: rows [T, k] by the transpose of weights [n, k]. */
public final class ProductGraph {
    private ProductGraph() {}

    /** rows [T, k] and weights [n, k] to product [T, n], all of a type. */
    public static Graph of(ElementType type, int n, int k) {
        Graph.Builder graph = new Graph.Builder();
        String rows = graph.input("rows", type, Graph.FREE, k);
        String weights = graph.input("weights", type, n, k);
        graph.node("Gemm", "", "product", List.of(rows, weights), Map.of("transB", 1L));
        return graph.output("product", type, Graph.FREE, n).build();
    }

    /**
     * Fills memory with small normal numbers: how much power a product takes, and with it its speed, depends on the bits.
     *
     * @param type float32 or bfloat16
     */
    public static void fill(MemorySegment memory, ElementType type) {
        Random random = new Random(1);
        for (long at = 0; at < memory.byteSize(); at += type.bytes()) {
            float value = (float) (random.nextGaussian() * 0.02);
            switch (type) {
                case FLOAT -> memory.set(JAVA_FLOAT_UNALIGNED, at, value);
                case BFLOAT16 ->
                    memory.set(JAVA_SHORT_UNALIGNED, at, (short) (Float.floatToRawIntBits(value) >>> Short.SIZE));
                default -> throw new IllegalArgumentException(type + " is not what activations are measured in");
            }
        }
    }
}
