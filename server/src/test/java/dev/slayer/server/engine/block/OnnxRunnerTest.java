package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Logits;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.util.Collections;
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
                Rig rig = new Rig(runtime, checkpoint, WeightType.FP32, MAX_ROWS)) {
            for (Golden.Prompt prompt : Golden.prompts(name)) {
                for (int chunk : new int[] {MAX_ROWS, 7}) {
                    float[][] logits = rig.logits(rig.identity(), prompt.ids(), chunk);
                    for (int position = 1; position < prompt.ids().length; position++) {
                        assertThat(Logits.logprob(logits[position - 1], prompt.ids()[position]))
                                .as("%s, prompt %s, position %d, chunks of %d", name, prompt.name(), position, chunk)
                                .isCloseTo(prompt.logprobs()[position], within(1e-3));
                    }
                }
            }
            assertThat(rig.pool.usedBytes()).isZero();
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void sequencesPackedIntoOneStepGiveWhatTheyGiveAlone(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                Rig rig = new Rig(runtime, checkpoint, WeightType.FP32, MAX_ROWS)) {
            List<int[]> prompts = Golden.prompts(name).stream()
                    .map(Golden.Prompt::ids)
                    .filter(ids -> ids.length <= 60)
                    .toList();
            float[][][] together = rig.together(Collections.nCopies(prompts.size(), rig.identity()), prompts);
            for (int i = 0; i < prompts.size(); i++) {
                int[] ids = prompts.get(i);
                float[][] alone = rig.logits(rig.identity(), ids, MAX_ROWS);
                for (int position = 1; position < ids.length; position++) {
                    assertThat(Logits.logprob(together[i][position - 1], ids[position]))
                            .isCloseTo(Logits.logprob(alone[position - 1], ids[position]), within(1e-4));
                }
            }
        }
    }

    @Test
    void aClosedRunnerHasReleasedEveryHandle() {
        long before = Handles.live();
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                Rig rig = new Rig(runtime, checkpoint, WeightType.INT8, 8)) {
            assertThat(Handles.live()).isGreaterThan(before + 8);
            rig.runner.close();
            rig.runner.close();
        }
        assertThat(Handles.live()).isEqualTo(before);
    }

    @Test
    void aRunnerThatCannotBeMadeLeavesNoHandleBehind() {
        long before = Handles.live();
        Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
        checkpoint.close();
        assertThatThrownBy(() -> new Rig(runtime, checkpoint, WeightType.FP32, 8))
                .isInstanceOf(RuntimeException.class);
        assertThat(Handles.live()).isEqualTo(before);
    }
}
