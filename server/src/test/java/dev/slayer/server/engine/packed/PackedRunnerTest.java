package dev.slayer.server.engine.packed;

import static dev.slayer.server.engine.Logits.logprob;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Handles;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The graphs, tables and pages that a GPU gets compute what transformers computes: here on the host, with the one operator that it
 * has not got in plain Java.
 */
class PackedRunnerTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void promptLogProbabilitiesEqualTransformersWithinAThousandthHoweverTheyAreCut(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
                PackedRig rig = new PackedRig(PackedRig.options(1))) {
            Runner runner = rig.runner("base", checkpoint);
            Layout identity = Layout.identity(checkpoint.config().layers());
            for (Golden.Prompt prompt : Golden.prompts(name)) {
                for (int rows : new int[] {PackedRig.MAX_ROWS, 7, 1}) {
                    float[][] logits = rig.logits(runner, identity, prompt.ids(), rows);
                    for (int position = 1; position < prompt.ids().length; position++) {
                        assertThat(logprob(logits[position - 1], prompt.ids()[position]))
                                .as("%s, prompt %s, position %d, chunks of %d", name, prompt.name(), position, rows)
                                .isCloseTo(prompt.logprobs()[position], within(1e-3));
                    }
                }
            }
            assertThat(rig.memory.usedBytes()).isZero();
        }
    }

    @Test
    void keysAndValuesOfEightBitsTakeAQuarterOfTheMemoryAndCostLittle() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig rig = new PackedRig(PackedRig.options(ElementType.FLOAT8E4M3FN, 1));
                PackedRig wide = new PackedRig(PackedRig.options(0))) {
            Runner runner = rig.runner("base", checkpoint);
            Layout identity = Layout.identity(checkpoint.config().layers());
            assertThat(4 * runner.kvBytes(identity, 100))
                    .isEqualTo(wide.runner("base", checkpoint).kvBytes(identity, 100));
            double difference = 0;
            int scored = 0;
            for (Golden.Prompt prompt : Golden.prompts("slayer-tiny")) {
                float[][] logits = rig.logits(runner, identity, prompt.ids(), 5);
                for (int position = 1; position < prompt.ids().length; position++) {
                    difference += logprob(logits[position - 1], prompt.ids()[position]) - prompt.logprobs()[position];
                    scored++;
                }
            }
            assertThat(difference / scored)
                    .as("nats a token")
                    .isBetween(-0.1, 0.1)
                    .isNotZero();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = WeightType.class,
            names = {"INT8", "INT4"})
    void quantizedWeightsCostAsLittleAsOnTheCpu(WeightType type) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig rig = new PackedRig(PackedRig.options(0))) {
            Runner runner = rig.runner("base", checkpoint, type);
            Layout identity = Layout.identity(checkpoint.config().layers());
            double difference = 0;
            int scored = 0;
            for (Golden.Prompt prompt : Golden.prompts("slayer-tiny")) {
                float[][] logits = rig.logits(runner, identity, prompt.ids(), PackedRig.MAX_ROWS);
                for (int position = 1; position < prompt.ids().length; position++) {
                    difference += logprob(logits[position - 1], prompt.ids()[position]) - prompt.logprobs()[position];
                    scored++;
                }
            }
            assertThat(difference / scored).as("nats a token").isBetween(-0.1, 0.1);
        }
    }

    /** A checkpoint and those that its golden layouts take layers of. */
    private record Loaded(Map<String, Checkpoint> checkpoints, Runner runner) {
        static Loaded in(PackedRig rig, GoldenLayouts.Case golden) {
            Map<String, Checkpoint> checkpoints = new LinkedHashMap<>();
            golden.others().forEach((alias, directory) -> {
                Checkpoint other = Checkpoint.open(Golden.checkpoint(directory));
                checkpoints.put(alias, other);
                rig.runner(alias, other);
            });
            Checkpoint base = Checkpoint.open(Golden.checkpoint(golden.checkpoint()));
            checkpoints.put("", base);
            return new Loaded(checkpoints, rig.runner("base", base));
        }

        Layout layout(String text) {
            Namespace names = name -> Optional.ofNullable(checkpoints.get(name)).map(Checkpoint::config);
            return Layout.parse(text, checkpoints.get("").config(), names);
        }

        void close() {
            checkpoints.values().forEach(Checkpoint::close);
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void everyGoldenLayoutEqualsTransformersAloneAndAllInOneStep(String name) {
        List<GoldenLayouts.Case> cases = GoldenLayouts.of(name);
        PackedRig rig = new PackedRig(PackedRig.options(0));
        Loaded loaded = Loaded.in(rig, cases.getFirst());
        List<Layout> layouts = new ArrayList<>();
        List<int[]> prompts = new ArrayList<>();
        for (GoldenLayouts.Case golden : cases) {
            Layout layout = loaded.layout(golden.layout());
            for (GoldenLayouts.Answer answer : golden.answers()) {
                float[][] logits = rig.logits(loaded.runner(), layout, answer.ids(), PackedRig.MAX_ROWS);
                for (int position = 1; position < answer.ids().length; position++) {
                    assertThat(logprob(logits[position - 1], answer.ids()[position]))
                            .as("%s, %s, position %d", golden, answer.prompt(), position)
                            .isCloseTo(answer.logprobs()[position], within(1e-3));
                }
            }
            int[] ids = golden.answers().getFirst().ids();
            layouts.add(layout);
            prompts.add(Arrays.copyOf(ids, Math.min(ids.length, 20 + layouts.size())));
        }
        float[][][] together = rig.together(loaded.runner(), layouts, prompts);
        for (int i = 0; i < layouts.size(); i++) {
            float[][] alone = rig.logits(loaded.runner(), layouts.get(i), prompts.get(i), PackedRig.MAX_ROWS);
            for (int position = 1; position < prompts.get(i).length; position++) {
                int token = prompts.get(i)[position];
                assertThat(logprob(together[i][position - 1], token))
                        .as("%s among others, position %d", layouts.get(i).text(), position)
                        .isCloseTo(logprob(alone[position - 1], token), within(1e-4));
            }
        }
        rig.close();
        loaded.close();
    }

    @Test
    void stacksWithFactorsDecodeTogetherInPaddedStepsAsTheyDoAlone() {
        List<String> texts = List.of("0,1-attn,2*0.5,3", "0-3", "0-1,2-mlp,3");
        List<int[]> prompts = List.of(
                new int[] {1, 9, 17, 5, 33, 2}, new int[] {7, 7, 21, 40, 3, 11}, new int[] {50, 2, 8, 1, 19, 30});
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                PackedRig plain = new PackedRig(PackedRig.options(0));
                PackedRig rig = new PackedRig(PackedRig.options(1))) {
            List<Layout> layouts = texts.stream()
                    .map(text -> Layout.parse(text, checkpoint.config(), Namespace.BASE_ONLY))
                    .toList();
            Runner runner = rig.runner("base", checkpoint);
            Runner alone = plain.runner("base", checkpoint);
            float[][][] together = Logits.decoded(runner, layouts, prompts);
            rig.check();
            for (int i = 0; i < layouts.size(); i++) {
                float[][] expected = plain.logits(alone, layouts.get(i), prompts.get(i), PackedRig.MAX_ROWS);
                for (int position = 0; position < expected.length; position++) {
                    assertThat(together[i][position])
                            .as("%s, position %d", texts.get(i), position)
                            .containsExactly(expected[position], within(1e-4f));
                }
            }
        }
    }

    @Test
    void whatIsClosedHasGivenBackDeviceMemoryHostMemoryAndHandles() {
        long handles = Handles.live();
        long bytes = DeviceMemory.liveBytes();
        Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
        PackedRig rig = new PackedRig(PackedRig.options(1));
        Runner runner = rig.runner("base", checkpoint);
        rig.logits(
                runner, Layout.parse("0,avg(0:1),1", checkpoint.config(), Namespace.BASE_ONLY), new int[] {1, 2, 3}, 1);
        assertThat(Handles.live()).isGreaterThan(handles);
        assertThat(DeviceMemory.liveBytes()).isGreaterThan(bytes);
        rig.close();
        checkpoint.close();
        assertThat(Handles.live()).isEqualTo(handles);
        assertThat(DeviceMemory.liveBytes()).isEqualTo(bytes);
        assertThat(rig.accelerator.hostBytes()).isZero();
    }
}
