package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A draw is the inverse of the distribution function, whatever the vocabulary's length, and never a token of no probability. */
class DrawGraphTest {
    private static final int ROWS = 40;

    @ParameterizedTest
    @ValueSource(strings = {"slayer-tiny", "random-llama2", "random-mistral"})
    void tokensAreThoseThatAddingUpFinds(String checkpoint) {
        ModelConfig config = ModelConfig.read(Golden.checkpoint(checkpoint));
        int vocabulary = config.vocabularySize();
        Random random = new Random(9);
        float[] logits = new float[ROWS * vocabulary];
        float[] temperature = new float[ROWS];
        float[] uniform = new float[ROWS];
        byte[] greedy = new byte[ROWS];
        for (int row = 0; row < ROWS; row++) {
            temperature[row] = 0.1f + random.nextFloat() * 2;
            uniform[row] = row == 0 ? 0 : row == 1 ? 1 - 0x1p-24f : random.nextFloat();
            greedy[row] = (byte) (row % 5 == 4 ? 1 : 0);
            for (int token = 0; token < vocabulary; token++) {
                boolean impossible = row % 3 == 0 && (token < 5 || token > vocabulary - 300 || token % 7 == 0);
                logits[row * vocabulary + token] =
                        impossible ? Float.NEGATIVE_INFINITY : (float) random.nextGaussian() * 3;
            }
        }
        long[] tokens = draw(config, logits, temperature, uniform, greedy);
        for (int row = 0; row < ROWS; row++) {
            double[] sums = sums(logits, row, vocabulary, temperature[row]);
            int token = Math.toIntExact(tokens[row]);
            double before = token == 0 ? 0 : sums[token - 1];
            if (greedy[row] == 1) {
                assertThat(logits[row * vocabulary + token]).isEqualTo(max(logits, row, vocabulary));
            } else {
                assertThat(sums[token] - before)
                        .as("probability of row %d's token", row)
                        .isPositive();
                double wanted = uniform[row] * sums[vocabulary - 1];
                double slack = 1e-5 * sums[vocabulary - 1]; // of float32 sums
                assertThat(wanted).as("row %d", row).isBetween(before - slack, sums[token] + slack);
            }
        }
    }

    @Test
    void greedyRowsAloneAreDrawnAsAmongOthersTheFirstOfEqualOnes() {
        ModelConfig config = ModelConfig.read(Golden.checkpoint("slayer-tiny"));
        int vocabulary = config.vocabularySize();
        Random random = new Random(5);
        float[] logits = new float[ROWS * vocabulary];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian();
        }
        long[] wanted = new long[ROWS];
        for (int row = 0; row < ROWS; row++) {
            wanted[row] = random.nextInt(vocabulary / 2);
            logits[row * vocabulary + (int) wanted[row]] = 9;
            logits[(row + 1) * vocabulary - 1 - row] = 9;
        }
        byte[] greedy = new byte[ROWS];
        Arrays.fill(greedy, (byte) 1);
        float[] ones = new float[ROWS];
        Arrays.fill(ones, 1);
        assertThat(draw(config, logits, ones, new float[ROWS], greedy)).isEqualTo(wanted);
        assertThat(drawGreedily(config, logits)).isEqualTo(wanted);
    }

    private static long[] drawGreedily(ModelConfig config, float[] logits) {
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                Session session = runtime.session(DrawGraph.greedy(config));
                Binding binding = session.bind();
                Arena arena = Arena.ofConfined()) {
            MemorySegment tokens = arena.allocate(JAVA_LONG, ROWS);
            MemorySegment rows = arena.allocateFrom(JAVA_FLOAT, logits);
            binding.input("logits", ElementType.FLOAT, rows, ROWS, config.vocabularySize())
                    .output("tokens", ElementType.INT64, tokens, ROWS, 1)
                    .run();
            return tokens.toArray(JAVA_LONG);
        }
    }

    private static long[] draw(
            ModelConfig config, float[] logits, float[] temperature, float[] uniform, byte[] greedy) {
        try (OnnxRuntime runtime = OnnxRuntime.open(2);
                Session session = runtime.session(DrawGraph.of(config));
                Binding binding = session.bind();
                Arena arena = Arena.ofConfined()) {
            MemorySegment tokens = arena.allocate(JAVA_LONG, ROWS);
            binding.input(
                            "logits",
                            ElementType.FLOAT,
                            arena.allocateFrom(JAVA_FLOAT, logits),
                            ROWS,
                            config.vocabularySize())
                    .input("temperature", ElementType.FLOAT, arena.allocateFrom(JAVA_FLOAT, temperature), ROWS, 1)
                    .input("uniform", ElementType.FLOAT, arena.allocateFrom(JAVA_FLOAT, uniform), ROWS, 1)
                    .input("greedy", ElementType.BOOL, arena.allocateFrom(JAVA_BYTE, greedy), ROWS, 1)
                    .output("tokens", ElementType.INT64, tokens, ROWS, 1)
                    .run();
            return tokens.toArray(JAVA_LONG);
        }
    }

    private static double[] sums(float[] logits, int row, int vocabulary, float temperature) {
        double max = max(logits, row, vocabulary);
        double[] sums = new double[vocabulary];
        double sum = 0;
        for (int token = 0; token < vocabulary; token++) {
            sum += Math.exp((logits[row * vocabulary + token] - max) / temperature);
            sums[token] = sum;
        }
        return sums;
    }

    private static float max(float[] logits, int row, int vocabulary) {
        float max = Float.NEGATIVE_INFINITY;
        for (int token = 0; token < vocabulary; token++) {
            max = Math.max(max, logits[row * vocabulary + token]);
        }
        return max;
    }
}
