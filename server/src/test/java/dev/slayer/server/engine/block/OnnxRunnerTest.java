package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The block graphs compute what transformers computes, however a sequence is cut into chunks. */
class OnnxRunnerTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;
    private static final int MAX_ROWS = 512;
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
    void promptLogProbabilitiesEqualTransformersWithinAThousandth(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                KvPool pool = new KvPool(1L << 30);
                OnnxRunner runner = new OnnxRunner(runtime, checkpoint, WeightType.FP32, pool, MAX_ROWS)) {
            for (Golden.Prompt prompt : Golden.prompts(name)) {
                for (int chunk : new int[] {MAX_ROWS, 7}) {
                    double[] logprobs = score(runner, prompt.ids(), chunk);
                    for (int position = 1; position < prompt.ids().length; position++) {
                        assertThat(logprobs[position])
                                .as("%s, prompt %s, position %d, chunks of %d", name, prompt.name(), position, chunk)
                                .isCloseTo(prompt.logprobs()[position], within(1e-3));
                    }
                }
            }
            assertThat(pool.usedBytes()).isZero();
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void sequencesPackedIntoOneStepGiveWhatTheyGiveAlone(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                KvPool pool = new KvPool(1L << 30);
                OnnxRunner runner = new OnnxRunner(runtime, checkpoint, WeightType.FP32, pool, MAX_ROWS)) {
            Layout layout = Layout.identity(checkpoint.config().layers());
            List<int[]> prompts = Golden.prompts(name).stream()
                    .map(Golden.Prompt::ids)
                    .filter(ids -> ids.length <= 60)
                    .toList();
            List<Chunk> chunks = new ArrayList<>();
            for (int[] ids : prompts) {
                KvCache kv = runner.openKv(layout);
                assertThat(reserve(kv, ids.length)).isTrue();
                chunks.add(new Chunk(ids, ids.length, 0, ids.length, 0, kv));
            }
            double[][] together =
                    prompts.stream().map(ids -> new double[ids.length]).toArray(double[][]::new);
            runner.run(
                    layout,
                    chunks,
                    (chunk, position, logits) -> put(together[chunk], prompts.get(chunk), position, logits));
            for (int i = 0; i < prompts.size(); i++) {
                double[] alone = score(runner, prompts.get(i), MAX_ROWS);
                for (int position = 1; position < alone.length; position++) {
                    assertThat(together[i][position]).isCloseTo(alone[position], within(1e-4));
                }
            }
            chunks.forEach(chunk -> chunk.kv().close());
        }
    }

    @Test
    void aClosedRunnerHasReleasedEveryHandle() {
        long before = Handles.live();
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                KvPool pool = new KvPool(1L << 20)) {
            OnnxRunner runner = new OnnxRunner(runtime, checkpoint, WeightType.INT8, pool, 8);
            assertThat(Handles.live()).isGreaterThan(before + 8);
            runner.close();
            runner.close();
        }
        assertThat(Handles.live()).isEqualTo(before);
    }

    @Test
    void aRunnerThatCannotBeMadeLeavesNoHandleBehind() {
        long before = Handles.live();
        Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
        checkpoint.close();
        try (KvPool pool = new KvPool(1L << 20)) {
            assertThatThrownBy(() -> new OnnxRunner(runtime, checkpoint, WeightType.FP32, pool, 8))
                    .isInstanceOf(RuntimeException.class);
        }
        assertThat(Handles.live()).isEqualTo(before);
    }

    private static double[] score(OnnxRunner runner, int[] ids, int rows) {
        Layout layout = Layout.identity(runner.config().layers());
        double[] logprobs = new double[ids.length];
        try (KvCache kv = runner.openKv(layout)) {
            for (int from = 0; from < ids.length; from += rows) {
                int count = Math.min(rows, ids.length - from);
                assertThat(kv.reserve(from + count, from)).isTrue();
                Chunk chunk = new Chunk(ids, ids.length, from, count, 0, kv);
                runner.run(layout, List.of(chunk), (index, position, logits) -> put(logprobs, ids, position, logits));
            }
        }
        return logprobs;
    }

    private static boolean reserve(KvCache kv, int rows) {
        return kv.reserve(rows, 0);
    }

    private static void put(double[] logprobs, int[] ids, int position, float[] logits) {
        if (position + 1 < ids.length) {
            double max = Double.NEGATIVE_INFINITY;
            for (float logit : logits) {
                max = Math.max(max, logit);
            }
            double best = max;
            double sum = 0;
            for (float logit : logits) {
                sum += Math.exp(logit - best);
            }
            logprobs[position + 1] = logits[ids[position + 1]] - best - Math.log(sum);
        }
    }
}
