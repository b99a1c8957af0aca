package dev.slayer.server.engine.packed;

import static dev.slayer.server.engine.Logits.logprob;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Handles;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Keys and values of 8 bits: what they cost, what their scales cover, and what attention widens of them. */
class QuantizedKvTest {
    /** Scores of slayer-tiny were at most 0.017 from transformers', on average over a layout's prompts. */
    private static final double NATS = 0.03;

    /** Mean distance of scores, in nats a token. */
    private static double distance(float[][] logits, int[] ids, double[] expected) {
        double distance = 0;
        for (int position = 1; position < ids.length; position++) {
            distance += Math.abs(logprob(logits[position - 1], ids[position]) - expected[position]);
        }
        return distance / (ids.length - 1);
    }

    private static double[] scores(float[][] logits, int[] ids) {
        double[] scores = new double[ids.length];
        for (int position = 1; position < ids.length; position++) {
            scores[position] = logprob(logits[position - 1], ids[position]);
        }
        return scores;
    }

    @Test
    void int8CostsLittleInBaseAndEditedLayoutsAndHardlyANumberIsClipped() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig rig = new PackedRig(PackedRig.options(ElementType.INT8, 1))) {
            Runner runner = rig.runner("base", checkpoint);
            for (GoldenLayouts.Case golden : GoldenLayouts.of("slayer-tiny")) {
                if (!golden.others().isEmpty()) {
                    continue;
                }
                Layout layout = Layout.parse(golden.layout(), checkpoint.config(), Namespace.BASE_ONLY);
                double distance = 0;
                List<GoldenLayouts.Answer> answers = golden.answers().subList(0, 2);
                for (GoldenLayouts.Answer answer : answers) {
                    float[][] logits = rig.logits(runner, layout, answer.ids(), 7);
                    distance += distance(logits, answer.ids(), answer.logprobs()) / answers.size();
                }
                assertThat(distance).as(golden.layout()).isBetween(1e-4, NATS);
            }
            assertThat(rig.twin.written()).isGreaterThan(100_000);
            assertThat(rig.twin.clipped())
                    .as("of %d numbers", rig.twin.written())
                    .isLessThan(rig.twin.written() / 10_000);
        }
    }

    @Test
    void scalesCoverWhatGoldenPromptsReachWithoutBeingWiderThanTheyNeed() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig rig = new PackedRig(PackedRig.options(ElementType.INT8, 0));
                PackedRig fp8 = new PackedRig(PackedRig.options(ElementType.FLOAT8E4M3FN, 0))) {
            Runner runner = rig.runner("base", checkpoint);
            Runner other = fp8.runner("base", checkpoint);
            Layout identity = Layout.identity(checkpoint.config().layers());
            double distance = 0;
            double ofFp8 = 0;
            for (Golden.Prompt prompt : Golden.prompts("slayer-tiny")) {
                if (prompt.ids().length < 100) {
                    int rows = PackedRig.MAX_ROWS;
                    distance +=
                            distance(rig.logits(runner, identity, prompt.ids(), rows), prompt.ids(), prompt.logprobs());
                    ofFp8 += distance(fp8.logits(other, identity, prompt.ids(), rows), prompt.ids(), prompt.logprobs());
                }
            }
            assertThat(rig.twin.clipped())
                    .as("of %d numbers", rig.twin.written())
                    .isLessThan(rig.twin.written() / 10_000);
            assertThat(distance).as("int8 beside fp8").isLessThan(ofFp8);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ElementType.class,
            names = {"INT8", "FLOAT8E4M3FN"})
    void sequencesAmongOthersGetWhatTheyGetAloneAndFewRowsAreWidened(ElementType kv) {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig rig = new PackedRig(PackedRig.options(kv, 0))) {
            Runner runner = rig.runner("base", checkpoint);
            List<Layout> layouts = List.of(
                    layout(checkpoint, "0-11"),
                    layout(checkpoint, "0-3,avg(3:4),4-11"),
                    layout(checkpoint, "0-11"),
                    layout(checkpoint, "0-5,2-11"),
                    layout(checkpoint, "0-2,5-11"));
            int[] ids = Golden.prompts("slayer-tiny").stream()
                    .filter(prompt -> prompt.name().equals("long"))
                    .findFirst()
                    .orElseThrow()
                    .ids();
            List<int[]> prompts = List.of(
                    Arrays.copyOf(ids, 100),
                    Arrays.copyOf(ids, 90),
                    Arrays.copyOf(ids, 1),
                    Arrays.copyOf(ids, 120),
                    Arrays.copyOf(ids, 30));
            float[][][] together = rig.together(runner, layouts, prompts);
            assertThat(rig.twin.stagedRows()).as("in one run").isBetween(200, PackedRig.STAGED_ROWS);
            for (int i = 0; i < layouts.size(); i++) {
                int[] prompt = prompts.get(i);
                float[][] alone = rig.logits(runner, layouts.get(i), prompt, PackedRig.MAX_ROWS);
                if (prompt.length > 1) {
                    assertThat(distance(together[i], prompt, scores(alone, prompt)))
                            .as(layouts.get(i).text())
                            .isLessThan(0.01); // a last digit may put a number on the other side of a step
                }
            }
            rig.logits(runner, layouts.getFirst(), Arrays.copyOf(ids, 300), 50);
            assertThat(rig.twin.stagedRows()).as("of one sequence, rounded up").isEqualTo(512);
        }
    }

    private static Layout layout(Checkpoint checkpoint, String text) {
        return Layout.parse(text, checkpoint.config(), Namespace.BASE_ONLY);
    }

    @Test
    void recordedDecodingReadsTheSameScales() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                PackedRig recording = new PackedRig(PackedRig.options(ElementType.INT8, 1));
                PackedRig plain = new PackedRig(PackedRig.options(ElementType.INT8, 0))) {
            Layout layout = layout(checkpoint, "0-3,avg(3:4),4-11");
            int[] ids = Golden.prompts("slayer-tiny").getFirst().ids();
            float[][] recorded = recording.logits(recording.runner("base", checkpoint), layout, ids, 1);
            float[][] unrecorded = plain.logits(plain.runner("base", checkpoint), layout, ids, 1);
            assertThat(distance(recorded, ids, scores(unrecorded, ids))).isCloseTo(0, within(1e-3));
        }
    }

    @Test
    void aCheckpointThatThereIsNoMemoryToCalibrateIsRefusedAndLeavesNothing() {
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint("random-llama3"));
                PackedRig rig = new PackedRig(PackedRig.options(ElementType.INT8, 0))) {
            long free = rig.accelerator.freeBytes();
            try (DeviceMemory others = rig.accelerator.allocate(free - 100_000)) {
                assertThat(others.bytes()).isPositive();
                assertThatExceptionOfType(SlayerException.class)
                        .isThrownBy(() -> rig.runner("base", checkpoint))
                        .satisfies(refused -> assertThat(refused.status()).isEqualTo(507));
            }
            assertThat(rig.accelerator.freeBytes()).isEqualTo(free);
            assertThat(rig.accelerator.hostBytes()).isZero();
            float[][] logits = rig.logits(
                    rig.runner("base", checkpoint),
                    Layout.identity(checkpoint.config().layers()),
                    new int[] {1, 2, 3},
                    PackedRig.MAX_ROWS);
            assertThat(logits).hasDimensions(3, checkpoint.config().vocabularySize());
        }
    }

    @Test
    void whatADeltaTrainedIsCalibratedInItsOwnLayoutAndAllIsGivenBack() {
        long handles = Handles.live();
        long bytes = DeviceMemory.liveBytes();
        GoldenDelta golden = GoldenDelta.of(GoldenDelta.NAMES.getFirst());
        Checkpoint base = Checkpoint.open(Golden.checkpoint(golden.base()));
        Delta delta = Delta.open(golden.folder(), base.config(), Namespace.BASE_ONLY);
        Checkpoint over = delta.over(_ -> base);
        PackedRig rig = new PackedRig(PackedRig.options(ElementType.INT8, 1));
        Runner runner = rig.runner("base", base);
        Donor donor = rig.device.lend("d", over, delta.layout(), WeightType.FP32);
        Layout served = delta.served("d");
        Layout averaged = Layout.parse(
                "0,avg(0:d:1),linear(d:3*1.5:1*-0.5),lerp(d:2:1:0.3)",
                base.config(),
                name -> Optional.of(name).filter("d"::equals).map(_ -> delta.config()));
        for (GoldenLayouts.Answer answer : golden.answers()) {
            float[][] logits = rig.logits(runner, served, answer.ids(), PackedRig.MAX_ROWS);
            assertThat(distance(logits, answer.ids(), answer.logprobs()))
                    .as(answer.prompt())
                    .isLessThan(0.1); // 0.05, of random weights
            rig.logits(runner, averaged, answer.ids(), PackedRig.MAX_ROWS);
        }
        assertThat(rig.twin.clipped()).as("of %d numbers", rig.twin.written()).isLessThan(rig.twin.written() / 10_000);
        donor.retire().join();
        rig.close();
        delta.close();
        base.close();
        assertThat(Handles.live()).isEqualTo(handles);
        assertThat(DeviceMemory.liveBytes()).isEqualTo(bytes);
        assertThat(rig.accelerator.hostBytes()).isZero();
    }
}
