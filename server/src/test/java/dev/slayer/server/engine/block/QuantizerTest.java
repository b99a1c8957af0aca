package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Quantized weights come back within a step, and ONNX Runtime reads our layout as we mean it. */
class QuantizerTest {
    private static final int OUT = 24;

    @ParameterizedTest
    @ValueSource(ints = {4, 8})
    void everyWeightComesBackWithinAStepOfItsBlock(int bits) {
        try (Arena arena = Arena.ofShared()) {
            int in = 96;
            float[] weights = gaussian(OUT * in, 3);
            Quantized quantized = quantize(arena, weights, in, bits);
            for (int i = 0; i < weights.length; i++) {
                float scale = Math.abs(quantized.scales().getAtIndex(JAVA_FLOAT, i / Quantizer.BLOCK));
                float back = dequantized(quantized, i, bits);
                // The end opposite the extreme value reaches one step less far, so a value there may lose a whole step.
                assertThat(Math.abs(back - weights[i])).isLessThanOrEqualTo(scale * 1.0001f);
            }
            assertThat(rootMeanSquareError(quantized, weights, bits)).isLessThan(bits == 8 ? 0.006 : 0.09);
        }
    }

    @Test
    void aBlockOfZerosStaysZero() {
        try (Arena arena = Arena.ofShared()) {
            Quantized quantized = quantize(arena, new float[OUT * 32], 32, 4);
            assertThat(dequantized(quantized, 5, 4)).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"INT8", "INT4"})
    void aQuantizedProductEqualsTheProductOfTheDequantizedMatrix(WeightType type) {
        int in = 96 + 16; // the last block is not full
        int rows = 5;
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                Arena arena = Arena.ofShared()) {
            float[] weights = gaussian(OUT * in, 4);
            Tensor tensor = new Tensor("w", DType.F32, List.of((long) OUT, (long) in), memory(arena, weights));
            Graph.Builder graph = new Graph.Builder();
            graph.input("x", ElementType.FLOAT, Graph.FREE, in);
            new Matrix(type, arena).multiply(graph, "x", "y", List.of(tensor));
            graph.output("y", ElementType.FLOAT, Graph.FREE, OUT);
            float[] x = gaussian(rows * in, 5);
            MemorySegment y = arena.allocate(JAVA_FLOAT, (long) rows * OUT);
            try (Session session = runtime.session(graph.build());
                    Binding binding = session.bind()) {
                binding.input("x", ElementType.FLOAT, memory(arena, x), rows, in)
                        .output("y", ElementType.FLOAT, y, rows, OUT)
                        .run();
            }
            Quantized quantized = quantize(arena, weights, in, type.bits());
            double error = 0;
            double size = 0;
            for (int row = 0; row < rows; row++) {
                for (int o = 0; o < OUT; o++) {
                    double expected = 0;
                    for (int i = 0; i < in; i++) {
                        int padded = o * quantized.blocks() * Quantizer.BLOCK + i;
                        expected += x[row * in + i] * dequantized(quantized, padded, type.bits());
                    }
                    error += Math.pow(y.getAtIndex(JAVA_FLOAT, (long) row * OUT + o) - expected, 2);
                    size += expected * expected;
                }
            }
            // Activations are quantized to eight bits as well (accuracy_level 4): about half a per cent.
            assertThat(Math.sqrt(error / size)).isLessThan(0.015);
        }
    }

    /** Values [OUT, blocks, bytes of a block] and scales [OUT, blocks]. */
    private record Quantized(MemorySegment values, MemorySegment scales, int blocks) {}

    private static Quantized quantize(Arena arena, float[] weights, int in, int bits) {
        Quantizer quantizer = new Quantizer(bits);
        int blocks = quantizer.blocks(in);
        Quantized quantized = new Quantized(
                arena.allocate((long) OUT * blocks * quantizer.blockBytes()),
                arena.allocate((long) OUT * blocks * Float.BYTES, Float.BYTES),
                blocks);
        Tensor tensor = new Tensor("w", DType.F32, List.of((long) OUT, (long) in), memory(arena, weights));
        quantizer.quantize(new StackedRows(List.of(tensor)), quantized.values(), quantized.scales());
        return quantized;
    }

    private static float dequantized(Quantized quantized, int index, int bits) {
        int zero = 1 << (bits - 1);
        int q = bits == 8
                ? quantized.values().get(JAVA_BYTE, index) & 0xFF
                : (quantized.values().get(JAVA_BYTE, index / 2) >> (index % 2 * 4)) & 0xF;
        return (q - zero) * quantized.scales().getAtIndex(JAVA_FLOAT, index / Quantizer.BLOCK);
    }

    private static double rootMeanSquareError(Quantized quantized, float[] weights, int bits) {
        double sum = 0;
        for (int i = 0; i < weights.length; i++) {
            sum += Math.pow(dequantized(quantized, i, bits) - weights[i], 2);
        }
        return Math.sqrt(sum / weights.length);
    }

    private static MemorySegment memory(Arena arena, float[] values) {
        return arena.allocateFrom(JAVA_FLOAT, values);
    }

    private static float[] gaussian(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
