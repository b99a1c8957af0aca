package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Logits;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Edited stacks compute what transformers computes with its layers edited by hand, alone and all in one step. */
class LayoutsGoldenTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;
    private static final int MAX_ROWS = GoldenRig.MAX_ROWS;
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
    void logProbabilitiesAndGreedyTokensOfEveryLayoutEqualTransformers(String name) {
        List<GoldenLayouts.Case> cases = GoldenLayouts.of(name);
        assertThat(cases).hasSize(12);
        try (GoldenRig served = new GoldenRig(runtime, cases.getFirst())) {
            for (GoldenLayouts.Case golden : cases) {
                Layout layout = served.layout(golden.layout());
                assertThat(layout.text()).isEqualTo(golden.layout());
                for (GoldenLayouts.Answer answer : golden.answers()) {
                    int[] ids = concat(answer.ids(), answer.greedy());
                    float[][] logits = served.rig.logits(layout, ids, MAX_ROWS);
                    for (int position = 1; position < answer.ids().length; position++) {
                        assertThat(Logits.logprob(logits[position - 1], ids[position]))
                                .as("%s, %s, position %d", golden, answer.prompt(), position)
                                .isCloseTo(answer.logprobs()[position], within(1e-3));
                    }
                    for (int i = 0; i < answer.greedy().length; i++) {
                        if (answer.gaps()[i] > 2e-3) {
                            assertThat(argmax(logits[answer.ids().length + i - 1]))
                                    .as("%s, %s, greedy token %d", golden, answer.prompt(), i)
                                    .isEqualTo(answer.greedy()[i]);
                        }
                    }
                }
            }
            assertThat(served.rig.pool.usedBytes()).isZero();
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void twelveLayoutsAndTheBaseInOneStepGiveWhatEachGivesAlone(String name) {
        List<GoldenLayouts.Case> cases = GoldenLayouts.of(name);
        try (GoldenRig served = new GoldenRig(runtime, cases.getFirst())) {
            List<Layout> layouts = new ArrayList<>();
            List<int[]> prompts = new ArrayList<>();
            for (GoldenLayouts.Case golden : cases) {
                int[] ids = golden.answers().getFirst().ids();
                layouts.add(served.layout(golden.layout()));
                prompts.add(Arrays.copyOf(ids, Math.min(ids.length, 20 + layouts.size())));
                layouts.add(served.rig.identity());
                prompts.add(Arrays.copyOf(ids, 5));
            }
            float[][][] together = served.rig.together(layouts, prompts);
            for (int i = 0; i < prompts.size(); i++) {
                int[] ids = prompts.get(i);
                float[][] alone = served.rig.logits(layouts.get(i), ids, MAX_ROWS);
                for (int position = 1; position < ids.length; position++) {
                    assertThat(Logits.logprob(together[i][position - 1], ids[position]))
                            .as("%s of %s, position %d", layouts.get(i).text(), name, position)
                            .isCloseTo(Logits.logprob(alone[position - 1], ids[position]), within(1e-4));
                }
            }
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void theIdentityWrittenInAnyWayIsTheBaseBitForBit(String name) {
        GoldenLayouts.Case golden = GoldenLayouts.of(name).getFirst();
        int[] ids = golden.answers().getFirst().ids();
        try (GoldenRig served = new GoldenRig(runtime, golden)) {
            float[][] base = served.rig.logits(served.rig.identity(), ids, MAX_ROWS);
            int last = served.checkpoint.config().layers() - 1;
            for (String text : List.of("0-" + last, "0,1 2-" + last, "0+1-" + (last - 1) + "*1+" + last)) {
                assertThat(served.rig.logits(served.layout(text), ids, MAX_ROWS))
                        .as(text)
                        .isEqualTo(base);
            }
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void silentInsertionsLeaveTheOutputBitForBitAsItIs(String name) {
        GoldenLayouts.Case golden = GoldenLayouts.of(name).getFirst();
        int[] ids = golden.answers().getFirst().ids();
        try (GoldenRig served = new GoldenRig(runtime, golden)) {
            float[][] base = served.rig.logits(served.rig.identity(), ids, MAX_ROWS);
            String layers = "0-" + (served.checkpoint.config().layers() - 1);
            for (String silent :
                    List.of("zero(1)", "avg0(0:1)", "avg0(0:1:2)", "1-attn-mlp", "avg(0:1)*0", "zero(2)*3")) {
                for (String text : List.of(silent + "," + layers, layers + "," + silent)) {
                    assertThat(served.rig.logits(served.layout(text), ids, MAX_ROWS))
                            .as(text)
                            .isEqualTo(base);
                }
            }
            assertThat(served.rig.store.use().blocks()).isZero();
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void removingRepeatingReorderingAndGatingTakesNoWeightMemory(String name) {
        GoldenLayouts.Case golden = GoldenLayouts.of(name).getFirst();
        try (GoldenRig served = new GoldenRig(runtime, golden)) {
            long before = Handles.live();
            for (String text : List.of("1-2", "0-2,2", "2,1,0", "0-1,0-2", "0-attn,1-mlp*0.5,2*-3", "0")) {
                Layout layout = served.layout(text);
                try (Stack stack = served.rig.runner.prepare(layout).join()) {
                    assertThat(stack.layout()).isEqualTo(layout);
                    assertThat(served.rig.runner.cost(layout).derivedBytes())
                            .as(text)
                            .isZero();
                    assertThat(served.rig.store.use().bytes()).as(text).isZero();
                    assertThat(Handles.live()).as(text).isEqualTo(before);
                }
            }
        }
    }

    private static int[] concat(int[] one, int[] other) {
        int[] all = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, all, one.length, other.length);
        return all;
    }

    private static int argmax(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            if (values[i] > values[best]) {
                best = i;
            }
        }
        return best;
    }
}
