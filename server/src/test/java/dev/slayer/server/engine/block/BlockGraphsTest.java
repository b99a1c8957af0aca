package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Each block graph computes what the plain-Java reference computes. */
class BlockGraphsTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;
    private static final int ROWS = 90; // more than the sliding window of random-mistral
    private static OnnxRuntime runtime;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void preAttentionAndPostEqualTheReferenceOnEveryLayer(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                Arena arena = Arena.ofShared();
                KvPool pool = new KvPool(1L << 28);
                Attention attention = new Attention(runtime, checkpoint.config())) {
            ModelConfig config = checkpoint.config();
            ReferenceModel reference = new ReferenceModel(checkpoint);
            BlockGraphs graphs = new BlockGraphs(config, new Matrix(WeightType.FP32, arena));
            Random random = new Random(1);
            for (int layer = 0; layer < config.layers(); layer++) {
                int number = layer;
                BlockGraphs.LayerWeights weights = tensor -> checkpoint.tensor(tensor.name(number));
                try (Block block =
                                new Block(runtime.session(graphs.pre(weights)), runtime.session(graphs.post(weights)));
                        KvCache kv = new KvCache(pool, 1, config.kvHeads(), config.headDim(), config.contextLength())) {
                    float[][] hidden = random(random, config.hiddenSize());
                    MemorySegment in = put(arena, hidden);
                    MemorySegment qkv = arena.allocate(JAVA_FLOAT, (long) ROWS * config.qkvWidth());
                    block.pre(ROWS, in, qkv);
                    float[][] expectedQkv = reference.pre(layer, hidden);
                    assertClose(qkv, expectedQkv, name + " layer " + layer + " pre");

                    MemorySegment attended = arena.allocate(JAVA_FLOAT, (long) ROWS * config.queryWidth());
                    assertThat(kv.reserve(ROWS, 0)).isTrue();
                    attention.run(qkv, attended, 0, ROWS, kv, 0);
                    float[][] expectedAttention = reference.attend(expectedQkv);
                    assertClose(attended, expectedAttention, name + " layer " + layer + " attention");

                    MemorySegment out = arena.allocate(JAVA_FLOAT, (long) ROWS * config.hiddenSize());
                    block.post(ROWS, attended, in, out);
                    assertClose(
                            out, reference.post(layer, expectedAttention, hidden), name + " layer " + layer + " post");
                }
            }
        }
    }

    private static float[][] random(Random random, int width) {
        float[][] rows = new float[ROWS][width];
        for (float[] row : rows) {
            for (int i = 0; i < width; i++) {
                row[i] = (float) random.nextGaussian();
            }
        }
        return rows;
    }

    private static MemorySegment put(Arena arena, float[][] rows) {
        MemorySegment memory = arena.allocate(JAVA_FLOAT, (long) rows.length * rows[0].length);
        for (int row = 0; row < rows.length; row++) {
            MemorySegment.copy(
                    rows[row], 0, memory, JAVA_FLOAT, (long) row * rows[row].length * Float.BYTES, rows[row].length);
        }
        return memory;
    }

    /** Within 2e-5 of the largest magnitude: sums of some hundred float32 products in another order. */
    private static void assertClose(MemorySegment actual, float[][] expected, String what) {
        float largest = 0;
        float error = 0;
        for (int row = 0; row < expected.length; row++) {
            for (int i = 0; i < expected[row].length; i++) {
                float value = actual.getAtIndex(JAVA_FLOAT, (long) row * expected[row].length + i);
                largest = Math.max(largest, Math.abs(expected[row][i]));
                error = Math.max(error, Math.abs(value - expected[row][i]));
                assertThat(value).as(what).isNotNaN();
            }
        }
        assertThat(error).as(what).isLessThan(2e-5f * largest);
    }
}
