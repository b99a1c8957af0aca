package dev.slayer.surgery.recipe;

import static dev.slayer.surgery.checkpoint.LayerTensor.ATTENTION_OUTPUT;
import static dev.slayer.surgery.checkpoint.LayerTensor.DOWN;
import static dev.slayer.surgery.checkpoint.LayerTensor.INPUT_NORM;
import static dev.slayer.surgery.checkpoint.LayerTensor.QUERY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Recipe.Donor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class RecipeTensorsTest {
    private static final LayerRef L0 = LayerRef.of(0);
    private static final LayerRef L1 = LayerRef.of(1);
    private static final LayerRef L2 = LayerRef.of(2);
    private static final LayerRef OTHER = new LayerRef("other", 1);

    private static Donor donor(LayerRef layer, String weight, String density) {
        return new Donor(layer, new BigDecimal(weight), new BigDecimal(density));
    }

    static List<Recipe> derived() {
        List<Donor> donors = List.of(donor(L1, "0.5", "0.3"), donor(L2, "0.75", "0.6"));
        List<Donor> whole = List.of(donor(L1, "0.5", "1"), donor(L2, "0.75", "1"));
        return List.of(
                new Recipe.Average(List.of(L0, L1, OTHER)),
                new Recipe.AverageZero(List.of(L0, L1)),
                new Recipe.Zero(L1),
                new Recipe.Lerp(L0, L1, new BigDecimal("0.3")),
                new Recipe.Slerp(L0, L1, new BigDecimal("0.3")),
                new Recipe.Linear(whole),
                new Recipe.Task(L0, whole),
                new Recipe.Ties(L0, donors),
                new Recipe.Dare(L0, donors, 42));
    }

    private static LayerSource sources(DType dtype, int hidden) {
        Map<String, Checkpoint> checkpoints = Map.of(
                "", MadeUpCheckpoint.random(1, dtype, 3, hidden),
                "other", MadeUpCheckpoint.random(2, DType.F32, 2, hidden));
        return checkpoints::get;
    }

    private static byte[] bytes(Tensor tensor) {
        return tensor.data().toArray(ValueLayout.JAVA_BYTE);
    }

    @Test
    void aPlainLayerIsTheCheckpointsOwnMemory() {
        LayerSource sources = sources(DType.BF16, 8);
        try (Arena arena = Arena.ofConfined()) {
            Tensor own = sources.checkpoint("").tensor(QUERY.name(2));
            assertThat(RecipeTensors.make(new Recipe.Plain(2), QUERY, sources, arena))
                    .isSameAs(own);
            Tensor other = RecipeTensors.make(new Recipe.Plain(OTHER), QUERY, sources, arena);
            assertThat(other.dtype()).isEqualTo(DType.F32);
        }
    }

    @ParameterizedTest
    @MethodSource("derived")
    void everyRecipeHasTheShapesAndElementTypeOfTheBase(Recipe recipe) {
        for (DType dtype : DType.values()) {
            LayerSource sources = sources(dtype, 8);
            try (Arena arena = Arena.ofConfined()) {
                for (LayerTensor tensor : LayerTensor.values()) {
                    Tensor made = RecipeTensors.make(recipe, tensor, sources, arena);
                    assertThat(made.dtype()).isEqualTo(dtype).isEqualTo(RecipeTensors.type(recipe, tensor, 1, sources));
                    assertThat(made.shape())
                            .isEqualTo(tensor.shape(sources.checkpoint("").config()));
                    if (recipe.silent() && tensor.endsSublayer()) {
                        assertThat(bytes(made)).containsOnly(0);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void theMeanIsTheFloat32MeanRoundedOnce(DType dtype) {
        LayerSource sources = sources(dtype, 8);
        try (Arena arena = Arena.ofConfined()) {
            Tensor made = RecipeTensors.make(new Recipe.Average(List.of(L0, L1, L2)), DOWN, sources, arena);
            float[] expected = new float[64];
            float[][] layers = new float[3][];
            for (int layer = 0; layer < 3; layer++) {
                layers[layer] = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(DOWN.name(layer)));
            }
            for (int i = 0; i < expected.length; i++) {
                expected[i] = (layers[0][i] + layers[1][i] + layers[2][i]) / 3;
            }
            MadeUpCheckpoint rounded = MadeUpCheckpoint.random(3, dtype, 1, 8).put(DOWN, 0, dtype, expected);
            assertThat(MadeUpCheckpoint.floats(made)).containsExactly(rounded.values(DOWN, 0));
        }
    }

    @Test
    void weightedSumsAgreeWithDoublePrecision() {
        LayerSource sources = sources(DType.F32, 8);
        float[] a = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(QUERY.name(0)));
        float[] b = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(QUERY.name(1)));
        float[] c = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(QUERY.name(2)));
        List<Donor> donors = List.of(donor(L1, "0.5", "1"), donor(L2, "-0.75", "1"));
        try (Arena arena = Arena.ofConfined()) {
            float[] lerp = MadeUpCheckpoint.floats(
                    RecipeTensors.make(new Recipe.Lerp(L0, L1, new BigDecimal("0.3")), QUERY, sources, arena));
            float[] linear =
                    MadeUpCheckpoint.floats(RecipeTensors.make(new Recipe.Linear(donors), QUERY, sources, arena));
            float[] task =
                    MadeUpCheckpoint.floats(RecipeTensors.make(new Recipe.Task(L0, donors), QUERY, sources, arena));
            for (int i = 0; i < a.length; i++) {
                assertThat((double) lerp[i]).isCloseTo(0.7 * a[i] + 0.3 * b[i], within(1e-6));
                assertThat((double) linear[i]).isCloseTo(0.5 * b[i] - 0.75 * c[i], within(1e-6));
                double sum = a[i] + 0.5 * ((double) b[i] - a[i]) - 0.75 * ((double) c[i] - a[i]);
                assertThat((double) task[i]).isCloseTo(sum, within(1e-6));
            }
        }
    }

    @Test
    void tiesTrimsElectsAndAveragesAsWorkedOutByHand() {
        MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.F32, 3, 6)
                .put(INPUT_NORM, 0, DType.F32, 1, 1, 1, 1, 1, 1)
                // Differences 4 -3 2 1 0 -2: half of them are 4, -3 and, first of two that are equal, 2.
                .put(INPUT_NORM, 1, DType.F32, 5, -2, 3, 2, 1, -1)
                // Differences -1 -5 4 0 3 0: -5, 4 and 3.
                .put(INPUT_NORM, 2, DType.F32, 0, -4, 5, 1, 4, 1);
        Recipe recipe = new Recipe.Ties(L0, List.of(donor(L1, "1", "0.5"), donor(L2, "3", "0.5")));
        try (Arena arena = Arena.ofConfined()) {
            // 4 alone; (-3 - 15) / 4; (2 + 12) / 4; trimmed by both; 3 alone: its weight divides out; trimmed by both.
            assertThat(MadeUpCheckpoint.floats(RecipeTensors.make(recipe, INPUT_NORM, _ -> base, arena)))
                    .containsExactly(5, -3.5f, 4.5f, 1, 4, 1);
        }
    }

    @Test
    void tiesFollowsTheSignOfTheWeightedSum() {
        MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.F32, 3, 2)
                .put(INPUT_NORM, 0, DType.F32, 0, 0)
                .put(INPUT_NORM, 1, DType.F32, 3, 2)
                .put(INPUT_NORM, 2, DType.F32, -1, -2);
        Recipe recipe = new Recipe.Ties(L0, List.of(donor(L1, "1", "1"), donor(L2, "2", "1")));
        try (Arena arena = Arena.ofConfined()) {
            // 3 against -2: only 3 counts. 2 against -4: only -2 counts.
            assertThat(MadeUpCheckpoint.floats(RecipeTensors.make(recipe, INPUT_NORM, _ -> base, arena)))
                    .containsExactly(3, -2);
        }
    }

    @Test
    void dareKeepsTheExpectedShareAndTheExpectedSum() {
        int hidden = 300;
        MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.F32, 2, hidden);
        float[] zeros = new float[hidden * hidden];
        float[] ones = new float[zeros.length];
        Arrays.fill(ones, 1);
        base.put(QUERY, 0, DType.F32, zeros).put(QUERY, 1, DType.F32, ones);
        try (Arena arena = Arena.ofShared()) {
            Recipe recipe = new Recipe.Dare(L0, List.of(donor(L1, "2", "0.25")), 7);
            float[] made = MadeUpCheckpoint.floats(RecipeTensors.make(recipe, QUERY, _ -> base, arena));
            double sum = 0;
            int kept = 0;
            for (float value : made) {
                assertThat(value).isIn(0f, 8f);
                sum += value;
                kept += value == 0 ? 0 : 1;
            }
            // Five standard deviations of a binomial share over 90,000 entries.
            assertThat((double) kept / made.length).isCloseTo(0.25, within(5 * Math.sqrt(0.25 * 0.75 / made.length)));
            assertThat(sum / made.length).isCloseTo(2, within(0.06));
            Recipe reseeded = new Recipe.Dare(L0, List.of(donor(L1, "2", "0.25")), 8);
            assertThat(MadeUpCheckpoint.floats(RecipeTensors.make(reseeded, QUERY, _ -> base, arena)))
                    .isNotEqualTo(made);
        }
    }

    @Test
    void slerpOfUnitVectorsIsTheClosedFormAndKeepsTheLength() {
        MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.F32, 2, 2)
                .put(INPUT_NORM, 0, DType.F32, 1, 0)
                .put(INPUT_NORM, 1, DType.F32, 0, 1);
        Recipe recipe = new Recipe.Slerp(L0, L1, new BigDecimal("0.3"));
        try (Arena arena = Arena.ofConfined()) {
            float[] made = MadeUpCheckpoint.floats(RecipeTensors.make(recipe, INPUT_NORM, _ -> base, arena));
            double angle = 0.3 * Math.PI / 2;
            assertThat(made[0]).isCloseTo((float) Math.cos(angle), within(1e-7f));
            assertThat(made[1]).isCloseTo((float) Math.sin(angle), within(1e-7f));
        }
    }

    @Test
    void slerpGoesStraightWhereThereIsNoArc() {
        float[][] pairs = {{1, 2, 2, 4}, {1, 2, -1, -2}, {0, 0, 3, 4}, {0, 0, 0, 0}};
        for (float[] pair : pairs) {
            MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.F32, 2, 2)
                    .put(INPUT_NORM, 0, DType.F32, pair[0], pair[1])
                    .put(INPUT_NORM, 1, DType.F32, pair[2], pair[3]);
            try (Arena arena = Arena.ofConfined()) {
                Recipe slerp = new Recipe.Slerp(L0, L1, new BigDecimal("0.25"));
                Recipe lerp = new Recipe.Lerp(L0, L1, new BigDecimal("0.25"));
                assertThat(MadeUpCheckpoint.floats(RecipeTensors.make(slerp, INPUT_NORM, _ -> base, arena)))
                        .containsExactly(
                                MadeUpCheckpoint.floats(RecipeTensors.make(lerp, INPUT_NORM, _ -> base, arena)));
            }
        }
    }

    @Test
    void nanAndInfinityPassThroughSums() {
        MadeUpCheckpoint base = MadeUpCheckpoint.random(1, DType.BF16, 2, 3)
                .put(INPUT_NORM, 0, DType.BF16, Float.NaN, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY)
                .put(INPUT_NORM, 1, DType.BF16, 1, 1, Float.NEGATIVE_INFINITY);
        try (Arena arena = Arena.ofConfined()) {
            Recipe recipe = new Recipe.Average(List.of(L0, L1));
            assertThat(MadeUpCheckpoint.floats(RecipeTensors.make(recipe, INPUT_NORM, _ -> base, arena)))
                    .containsExactly(Float.NaN, Float.POSITIVE_INFINITY, Float.NaN);
        }
    }

    @Test
    void aFactorThatIsNoPowerOfTwoGivesTheRoundedBlockTimesItInFloat32() {
        LayerSource sources = sources(DType.BF16, 8);
        float[] a = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(DOWN.name(0)));
        float[] b = MadeUpCheckpoint.floats(sources.checkpoint("").tensor(DOWN.name(1)));
        float[] rounded = new float[a.length];
        float[] scaled = new float[a.length];
        float[] halved = new float[a.length];
        for (int i = 0; i < a.length; i++) {
            rounded[i] = Float.intBitsToFloat(Rounding.toBfloat16((a[i] + b[i]) / 2) << 16);
            scaled[i] = 0.7f * rounded[i];
            halved[i] = -0.5f * rounded[i];
        }
        try (Arena arena = Arena.ofConfined()) {
            Recipe recipe = new Recipe.Average(List.of(L0, L1));
            Tensor wide = RecipeTensors.make(recipe, DOWN, 0.7f, sources, arena);
            assertThat(wide.dtype())
                    .isEqualTo(RecipeTensors.type(recipe, DOWN, 0.7f, sources))
                    .isEqualTo(DType.F32);
            assertThat(MadeUpCheckpoint.floats(wide)).containsExactly(scaled);
            Tensor exact = RecipeTensors.make(recipe, DOWN, -0.5f, sources, arena);
            assertThat(exact.dtype())
                    .isEqualTo(RecipeTensors.type(recipe, DOWN, -0.5f, sources))
                    .isEqualTo(DType.BF16);
            assertThat(MadeUpCheckpoint.floats(exact)).containsExactly(halved);
            assertThat(bytes(RecipeTensors.make(new Recipe.Plain(1), ATTENTION_OUTPUT, 0, sources, arena)))
                    .containsOnly(0);
        }
    }

    @ParameterizedTest
    @MethodSource("derived")
    void whatIsComputedWhileItIsReadIsTheSame(Recipe recipe) {
        for (DType dtype : DType.values()) {
            LayerSource sources = sources(dtype, 33);
            for (LayerTensor tensor : List.of(DOWN, INPUT_NORM)) {
                try (Arena arena = Arena.ofConfined()) {
                    float[] made = MadeUpCheckpoint.floats(RecipeTensors.make(recipe, tensor, sources, arena));
                    Float32Source source = RecipeTensors.read(recipe, tensor, sources);
                    assertThat(source.elements()).isEqualTo(made.length);
                    for (int step : new int[] {made.length, 7}) {
                        float[] read = new float[made.length];
                        for (int from = 0; from < read.length; from += step) {
                            int count = Math.min(step, read.length - from);
                            source.toFloat32(from, MemorySegment.ofArray(read).asSlice(4L * from, 4L * count));
                        }
                        assertThat(read).as("%s in steps of %d", dtype, step).isEqualTo(made);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("derived")
    void theNumberOfThreadsChangesNoBit(Recipe recipe) throws Exception {
        // 810,000 elements are four parts.
        LayerSource sources = sources(DType.BF16, 900);
        byte[] alone;
        try (Arena arena = Arena.ofConfined()) {
            alone = bytes(RecipeTensors.make(recipe, QUERY, sources, arena));
        }
        for (int threads : new int[] {1, 2, 5}) {
            try (ForkJoinPool pool = new ForkJoinPool(threads);
                    Arena arena = Arena.ofShared()) {
                byte[] made = pool.submit(() -> bytes(RecipeTensors.make(recipe, QUERY, sources, arena)))
                        .get();
                assertThat(made).isEqualTo(alone);
            }
        }
    }

    @Test
    void whatDoesNotExistOrFitIsRefusedByName() {
        LayerSource sources = name -> name.isEmpty()
                ? MadeUpCheckpoint.random(1, DType.F32, 2, 4)
                : MadeUpCheckpoint.random(1, DType.F32, 2, 6);
        try (Arena arena = Arena.ofConfined()) {
            assertThatThrownBy(() -> RecipeTensors.make(new Recipe.Zero(LayerRef.of(2)), QUERY, sources, arena))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("layer 2 does not exist")
                    .hasMessageContaining("0-1");
            assertThatThrownBy(() -> RecipeTensors.make(new Recipe.Plain(OTHER), QUERY, sources, arena))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("other:1")
                    .hasMessageContaining("same shape");
        }
    }
}
