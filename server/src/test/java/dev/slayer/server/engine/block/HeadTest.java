package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.PlainHead;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.TensorNames;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Scores reduced on the device are those of plain Java over the same logits. */
class HeadTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;
    private static final int TOKENS = 2 * Head.ROWS + 7;
    private static OnnxRuntime runtime;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    /** Scores, rows of logits and hidden states as they come. */
    private static final class Taken implements Runner.Sink {
        final List<TokenScore> scores = new ArrayList<>();
        final List<float[]> logits = new ArrayList<>();
        final List<Integer> positions = new ArrayList<>();
        final List<float[]> hidden = new ArrayList<>();

        @Override
        public void score(int chunk, int position, TokenScore score) {
            scores.add(score);
        }

        @Override
        public void logits(int chunk, int position, float[] row) {
            logits.add(row.clone());
            positions.add(position);
        }

        @Override
        public void hidden(int chunk, int position, float[] row) {
            hidden.add(row.clone());
        }
    }

    private static Chunk chunk(int[] tokens, Outputs outputs) {
        return new Chunk(tokens, 0, tokens.length, outputs, null, null);
    }

    private static int[] tokens(int vocabulary) {
        int[] tokens = new int[TOKENS];
        for (int i = 0; i < TOKENS; i++) {
            tokens[i] = (i * 7919 + 3) % vocabulary;
        }
        return tokens;
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void scoresEqualThoseOfPlainJavaOverTheSameLogits(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                Rig rig = new Rig(runtime, checkpoint, WeightType.FP32, TOKENS)) {
            int[] tokens = tokens(checkpoint.config().vocabularySize());
            for (int top : new int[] {0, 1, 20}) {
                Taken taken = new Taken();
                try (Stack stack = rig.runner.prepare(rig.identity()).join();
                        Kv kv = rig.runner.openKv(rig.identity())) {
                    assertThat(kv.reserve(TOKENS, 0)).isTrue();
                    Outputs outputs = new Outputs(2, TOKENS - 1, top, 0);
                    rig.runner.run(List.of(new Chunk(tokens, 0, TOKENS, outputs, stack, kv)), taken);
                }
                assertThat(taken.logits).hasSize(TOKENS);
                assertThat(taken.scores).hasSize(TOKENS - 3);
                for (int i = 0; i < taken.scores.size(); i++) {
                    TokenScore score = taken.scores.get(i);
                    assertSame(score, PlainHead.score(taken.logits.get(i + 2), tokens[i + 3], top));
                }
            }
        }
    }

    private static void assertSame(TokenScore actual, TokenScore expected) {
        assertThat(actual.token()).isEqualTo(expected.token());
        assertThat(actual.logprob()).isCloseTo(expected.logprob(), within(1e-5f));
        assertThat(actual.topTokens()).hasSameSizeAs(expected.topTokens());
        for (int i = 0; i < actual.topTokens().length; i++) {
            assertThat(actual.topLogprobs()[i]).isCloseTo(expected.topLogprobs()[i], within(1e-5f));
            if (actual.topTokens()[i] == actual.token()) {
                assertThat(actual.topLogprobs()[i]).isEqualTo(actual.logprob());
                assertThat(actual.rank()).isEqualTo(expected.rank());
            }
        }
        // Tokens of nearly the same log-probability may change places.
        assertThat((double) actual.rank()).isCloseTo(expected.rank(), within(1 + 0.01 * expected.rank()));
    }

    @Test
    void onlyWhatIsAskedForIsHandedOver() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                Head head = new Head(runtime, checkpoint.config());
                HeadWeights weights = weights(checkpoint, WeightType.FP32);
                Arena arena = Arena.ofConfined()) {
            MemorySegment rows = rows(arena, checkpoint, 5, 0.5f);
            Taken taken = new Taken();
            head.run(List.of(chunk(new int[5], Outputs.NONE)), _ -> weights, rows, taken);
            assertThat(taken.scores).isEmpty();
            assertThat(taken.logits).isEmpty();
            assertThat(taken.hidden).isEmpty();
            head.run(List.of(chunk(new int[5], Outputs.logitsFrom(3))), _ -> weights, rows, taken);
            assertThat(taken.scores).isEmpty();
            assertThat(taken.positions).containsExactly(3, 4);
            head.run(List.of(chunk(new int[5], new Outputs(1, 3, 0, 9))), _ -> weights, rows, taken);
            assertThat(taken.scores).hasSize(2);
            assertThat(taken.logits).hasSize(2);
            head.run(List.of(chunk(new int[5], Outputs.NONE.andHiddenFrom(2))), _ -> weights, rows, taken);
            assertThat(taken.hidden).hasSize(3);
            assertThat(taken.scores).hasSize(2);
            assertThat(taken.logits).hasSize(2);
        }
    }

    @Test
    void hiddenStatesAreTheRowsAfterTheFinalNorm() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                Head head = new Head(runtime, checkpoint.config());
                HeadWeights weights = weights(checkpoint, WeightType.FP32);
                Arena arena = Arena.ofConfined()) {
            int width = checkpoint.config().hiddenSize();
            MemorySegment rows = rows(arena, checkpoint, TOKENS, 0.5f);
            MemorySegment gamma = arena.allocate(JAVA_FLOAT, width);
            checkpoint.tensor(TensorNames.FINAL_NORM).toFloat32(0, gamma);
            Taken taken = new Taken();
            head.run(List.of(chunk(new int[TOKENS], Outputs.NONE.andHiddenFrom(0))), _ -> weights, rows, taken);
            assertThat(taken.hidden).hasSize(TOKENS);
            for (int row = 0; row < TOKENS; row++) {
                double squares = 0;
                for (int i = 0; i < width; i++) {
                    squares += Math.pow(rows.getAtIndex(JAVA_FLOAT, (long) row * width + i), 2);
                }
                double root = Math.sqrt(squares / width + checkpoint.config().rmsNormEps());
                for (int i = 0; i < width; i++) {
                    double expected = rows.getAtIndex(JAVA_FLOAT, (long) row * width + i)
                            / root
                            * gamma.getAtIndex(JAVA_FLOAT, i);
                    assertThat((double) taken.hidden.get(row)[i]).isCloseTo(expected, within(1e-5));
                }
            }
        }
    }

    @Test
    void whatIsNotANumberIsNoScore() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                Head head = new Head(runtime, checkpoint.config());
                HeadWeights weights = weights(checkpoint, WeightType.FP32);
                Arena arena = Arena.ofConfined()) {
            MemorySegment rows = rows(arena, checkpoint, 3, 0.5f);
            long width = checkpoint.config().hiddenSize();
            rows.setAtIndex(JAVA_FLOAT, width, Float.NaN); // in the second row
            Taken taken = new Taken();
            head.run(List.of(chunk(new int[4], new Outputs(0, 3, 1, 9))), _ -> weights, rows, taken);
            assertThat(taken.scores.get(0).logprob()).isNegative();
            assertThat(taken.scores.get(1).logprob()).isNaN();
            assertThat(taken.scores.get(2).logprob()).isNegative();
        }
    }

    private static HeadWeights weights(Checkpoint checkpoint, WeightType type) {
        return new BlockCompiler(runtime)
                .head(
                        checkpoint.config(),
                        type,
                        checkpoint.tensor(TensorNames.FINAL_NORM),
                        checkpoint.tensor(TensorNames.head(checkpoint.config())));
    }

    private static MemorySegment rows(Arena arena, Checkpoint checkpoint, int count, float value) {
        MemorySegment rows = arena.allocate(
                JAVA_FLOAT, (long) (count + 1) * checkpoint.config().hiddenSize());
        for (long i = 0; i < rows.byteSize() / Float.BYTES; i++) {
            rows.setAtIndex(JAVA_FLOAT, i, value * (i % 7 - 3));
        }
        return rows;
    }

    @Test
    void aClosedHeadHasReleasedEveryHandle() {
        long before = Handles.live();
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                Head _ = new Head(runtime, checkpoint.config());
                HeadWeights _ = weights(checkpoint, WeightType.INT8)) {
            assertThat(Handles.live()).isGreaterThan(before);
        }
        assertThat(Handles.live()).isEqualTo(before);
    }
}
