package dev.slayer.training.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.method.Method;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Tensors;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class TrainingModelTest {
    private static final TrainingModel.Options KEEP = new TrainingModel.Options(false, 1);
    private static final TrainingModel.Options RECOMPUTE = new TrainingModel.Options(true, 1);

    @BeforeAll
    static void start() {
        LibTorch.start(1);
    }

    static Stream<String> checkpoints() {
        return GoldenLayouts.CHECKPOINTS.stream();
    }

    @ParameterizedTest
    @MethodSource("checkpoints")
    void forwardIsWhatTransformersComputesForTheSameLayout(String name) {
        for (GoldenLayouts.Case golden : GoldenLayouts.of(name)) {
            Map<String, Checkpoint> open = new HashMap<>();
            open.put("", GoldenLayouts.open(name));
            golden.others().forEach((other, directory) -> open.put(other, GoldenLayouts.open(directory)));
            ModelConfig config = open.get("").config();
            Namespace namespace = other -> Optional.ofNullable(open.get(other)).map(Checkpoint::config);
            Layout layout = Layout.parse(golden.layout(), config, namespace);
            LayerSource sources = open::get;
            try (TrainingModel model = new TrainingModel(open.get(""), layout, sources, headOnly(), KEEP)) {
                assertThat(model.logProbabilities(Rows.of(golden.ids())))
                        .as(golden.toString())
                        .containsExactly(golden.logProbabilities(), within(1e-3f));
            } finally {
                open.values().forEach(Checkpoint::close);
            }
        }
    }

    @Test
    void theLossOfTrainingIsThatOfEvaluation() {
        withTiny("0-3,avg(3:4),4-11", slots(4), KEEP, model -> {
            Rows rows = rows();
            TrainingModel.Loss loss = model.train(rows, rows.learned());
            assertThat(loss.learned()).isEqualTo(rows.learned());
            assertThat(loss.mean()).isCloseTo(model.evaluate(rows).mean(), within(1e-5));
            assertThat(loss.correct()).isEqualTo(model.evaluate(rows).correct());
        });
    }

    @Test
    void computingBlocksAgainGivesTheSameGradients() {
        String layout = "0-2,avg(2:3),3-5*0.5,6-mlp,7-attn,8-11";
        Method method = new Method.Weights(new TreeSet<>(List.of(3, 7)), false, true, true);
        withTiny(
                layout,
                method,
                KEEP,
                kept -> withTiny(layout, method, RECOMPUTE, again -> {
                    kept.train(rows(), 30);
                    again.train(rows(), 30);
                    assertThat(distance(again, kept)).isLessThan(1e-7);
                    assertThat(kept.lowestTrained()).isEqualTo(3);
                }));
    }

    @Test
    void fullTrainingWithTheEmbeddingGivesTheSameGradientsEitherWay() {
        Method all = new Method.Weights(range(0, 12), true, true, true);
        withTiny(
                "0-11",
                all,
                KEEP,
                kept -> withTiny("0-11", all, RECOMPUTE, again -> {
                    kept.train(rows(), 30);
                    again.train(rows(), 30);
                    assertThat(distance(again, kept)).isLessThan(1e-7);
                }));
    }

    @Test
    void gradientsOfTwoHalvesAddUpToThoseOfTheWhole() {
        Method method = slots(1);
        int[] one = {1, 654, 862, 1103, 1214, 1516};
        int[] two = {1, 726, 479, 326, 269, 348};
        withTiny(
                "0-11",
                method,
                KEEP,
                whole -> withTiny("0-11", method, KEEP, parts -> {
                    whole.train(Rows.of(one, two), 10);
                    parts.train(Rows.of(one), 10);
                    parts.train(Rows.of(two), 10);
                    assertThat(distance(parts, whole)).isLessThan(1e-6);
                }));
    }

    @Test
    void documentsDoNotSeeEachOther() {
        int[] one = {1, 654, 862, 1103};
        int[] two = {1, 726, 479, 326, 269, 348};
        int[] both = Stream.of(one, two).flatMapToInt(java.util.Arrays::stream).toArray();
        int[] targets = {654, 862, 1103, Rows.IGNORED, 726, 479, 326, 269, 348, Rows.IGNORED};
        int[] documents = {0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
        withTiny("0-11", slots(1), KEEP, model -> {
            float[] packed = model.logProbabilities(new Rows(1, 10, both, targets, documents));
            float[] alone = concat(model.logProbabilities(Rows.of(one)), model.logProbabilities(Rows.of(two)));
            assertThat(packed).containsExactly(alone, within(1e-5f));
            float[] seeing = model.logProbabilities(new Rows(1, 10, both, targets, null));
            assertThat(Math.abs(seeing[5] - alone[5])).isGreaterThan(1e-2f);
        });
    }

    @Test
    void onlyWhatIsTrainedHasRoomForGradients() {
        withTiny("0-3,avg(3:4),4-11", slots(4), KEEP, model -> {
            assertThat(model.parameters().entries()).hasSize(9);
            assertThat(model.parameters().size()).isEqualTo(192L * 192 * 2 + 192 * 96 * 2 + 3 * 192 * 512 + 2 * 192);
        });
    }

    @Test
    void aSlotThatTheLayoutDoesNotHaveCannotBeTrained() {
        assertThatThrownBy(() -> withTiny("0-3", slots(4), KEEP, model -> {}))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("slot 4 of 4");
    }

    private interface Use {
        void use(TrainingModel model);
    }

    private static void withTiny(String layout, Method method, TrainingModel.Options options, Use use) {
        try (Checkpoint tiny = GoldenLayouts.open("slayer-tiny")) {
            Layout parsed = Layout.parse(layout, tiny.config(), Namespace.BASE_ONLY);
            try (TrainingModel model = new TrainingModel(tiny, parsed, _ -> tiny, method, options)) {
                use.use(model);
            }
        }
    }

    private static Rows rows() {
        return Rows.of(
                new int[] {1, 654, 862, 1103, 1214, 1516, 475, 1904, 345, 361, 785, 958, 361, 835, 416, 1317},
                new int[] {1, 726, 479, 326, 269, 348, 1693, 273, 702, 1197, 466, 261, 363, 1621, 370, 479});
    }

    /** Largest difference of two models' gradients, as a share of the largest gradient. */
    private static double distance(TrainingModel one, TrainingModel other) {
        float[] a = Tensors.floats(one.parameters().gradients());
        float[] b = Tensors.floats(other.parameters().gradients());
        assertThat(a).hasSameSizeAs(b);
        double distance = 0;
        double largest = 0;
        for (int i = 0; i < a.length; i++) {
            distance = Math.max(distance, Math.abs(a[i] - b[i]));
            largest = Math.max(largest, Math.abs(a[i]));
        }
        assertThat(largest).isPositive();
        return distance / largest;
    }

    private static Method headOnly() {
        return new Method.Weights(new TreeSet<>(), false, false, true);
    }

    private static Method slots(int slot) {
        return new Method.Weights(new TreeSet<>(List.of(slot)), false, false, false);
    }

    private static SortedSet<Integer> range(int from, int to) {
        SortedSet<Integer> slots = new TreeSet<>();
        for (int slot = from; slot < to; slot++) {
            slots.add(slot);
        }
        return slots;
    }

    private static float[] concat(float[] one, float[] two) {
        float[] all = new float[one.length + two.length];
        System.arraycopy(one, 0, all, 0, one.length);
        System.arraycopy(two, 0, all, one.length, two.length);
        return all;
    }
}
