package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Edited stacks compute what transformers computes with its layers edited by hand, alone and all in one step. */
class LayoutsGoldenTest {
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

    /** A checkpoint and the others that its golden layouts take layers of, on one device. */
    private static final class Served implements AutoCloseable {
        final Checkpoint checkpoint;
        final Map<String, Checkpoint> others = new LinkedHashMap<>();
        final Rig rig;

        Served(String name, Map<String, String> otherNames) {
            BlockStore store = new BlockStore(runtime, DerivedBlocks.DEFAULTS);
            otherNames.forEach((alias, directory) -> {
                Checkpoint other = Checkpoint.open(Golden.checkpoint(directory));
                others.put(alias, other);
                store.add(alias, other, WeightType.FP32);
            });
            this.checkpoint = Checkpoint.open(Golden.checkpoint(name));
            this.rig = new Rig(store, runtime, checkpoint, WeightType.FP32, MAX_ROWS);
        }

        Layout layout(String text) {
            Namespace names = name -> Optional.ofNullable(others.get(name)).map(Checkpoint::config);
            ModelConfig config = checkpoint.config();
            return Layout.parse(text, config, names);
        }

        @Override
        public void close() {
            rig.close();
            checkpoint.close();
            others.values().forEach(Checkpoint::close);
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void logProbabilitiesAndGreedyTokensOfEveryLayoutEqualTransformers(String name) {
        List<GoldenLayouts.Case> cases = GoldenLayouts.of(name);
        assertThat(cases).hasSize(12);
        try (Served served = new Served(name, cases.getFirst().others())) {
            for (GoldenLayouts.Case golden : cases) {
                Layout layout = served.layout(golden.layout());
                assertThat(layout.text()).isEqualTo(golden.layout());
                for (GoldenLayouts.Answer answer : golden.answers()) {
                    int[] ids = concat(answer.ids(), answer.greedy());
                    float[][] logits = served.rig.logits(layout, ids, MAX_ROWS);
                    for (int position = 1; position < answer.ids().length; position++) {
                        assertThat(Rig.logprob(logits[position - 1], ids[position]))
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
        try (Served served = new Served(name, cases.getFirst().others())) {
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
                    assertThat(Rig.logprob(together[i][position - 1], ids[position]))
                            .as("%s of %s, position %d", layouts.get(i).text(), name, position)
                            .isCloseTo(Rig.logprob(alone[position - 1], ids[position]), within(1e-4));
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
