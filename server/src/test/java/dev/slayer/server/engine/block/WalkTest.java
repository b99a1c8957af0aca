package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.Logits;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** In a step of many layouts a block runs once for all rows that need it, and every row gets to its end. */
class WalkTest {
    private static final int[] IDS = {1, 40, 50};
    private static OnnxRuntime runtime;
    private static Checkpoint checkpoint;
    private static Rig rig;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
        checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny")); // layers 0 to 11
        rig = new Rig(runtime, checkpoint, WeightType.FP32, 512);
    }

    @AfterAll
    static void close() {
        rig.close();
        checkpoint.close();
        runtime.close();
    }

    private static int turns(String... layouts) {
        List<Layout> parsed = new ArrayList<>();
        for (String text : layouts) {
            parsed.add(Layout.parse(text, checkpoint.config(), Namespace.BASE_ONLY));
        }
        rig.together(parsed, Collections.nCopies(parsed.size(), IDS));
        return rig.runner.turns();
    }

    @Test
    void removalsTakeNoMoreRunsThanTheBase() {
        assertThat(turns("0-11", "0-11")).isEqualTo(12);
        assertThat(turns("0-11", "1-11", "0-4,6-11", "0-9", "0-2,5-11", "11")).isEqualTo(12);
        assertThat(turns("1-11", "0,2-11")).isEqualTo(12);
    }

    @Test
    void aRepeatedLayerRunsAgainOnlyForTheRowsThatRepeatIt() {
        assertThat(turns("0-11", "0-7,4-11")).isEqualTo(16); // 0-7 and 8-11 together, 4-7 a second time for one
        assertThat(turns("0-5,5-11", "0-5,5-11", "0-11")).isEqualTo(13);
    }

    @Test
    void anInsertedBlockCostsOneRunForAllThatShareIt() {
        assertThat(turns("0-11", "0-5,avg(5:6),6-11", "0-5,avg(5:6),7-11")).isEqualTo(13);
    }

    @Test
    void gatedSlotsShareTheBlockAndSilentOnesCostNothing() {
        assertThat(turns("0-11", "0-4,5-attn,6-11", "0-4,5-mlp*0.5,6-11", "0-5,zero(5),6-11", "0-4,5-attn-mlp,6-11"))
                .isEqualTo(12);
    }

    @Test
    void layoutsInAnyOrderReachTheirEndAndGiveWhatTheyGiveAlone() {
        Random random = new Random(7);
        for (int round = 0; round < 20; round++) {
            List<Layout> layouts = new ArrayList<>();
            List<int[]> prompts = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                List<String> slots = new ArrayList<>();
                for (int slot = 0; slot < 1 + random.nextInt(15); slot++) {
                    slots.add(Integer.toString(random.nextInt(12)));
                }
                layouts.add(Layout.parse(String.join(",", slots), checkpoint.config(), Namespace.BASE_ONLY));
                prompts.add(random.ints(1 + random.nextInt(9), 0, 500).toArray());
            }
            float[][][] together = rig.together(layouts, prompts);
            for (int i = 0; i < layouts.size(); i++) {
                float[][] alone = rig.logits(layouts.get(i), prompts.get(i), 512);
                int last = alone.length - 1;
                for (int token = 0; token < alone[last].length; token += 17) {
                    assertThat(Logits.logprob(together[i][last], token))
                            .as("%s among %s", layouts.get(i).text(), layouts)
                            .isCloseTo(Logits.logprob(alone[last], token), within(1e-4));
                }
            }
        }
    }
}
