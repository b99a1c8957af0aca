package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Handles;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights that are put together on the device are the host's, bit for bit; along arcs but for the last places. */
class QueuedRecipesTest {
    private static long bytes;
    private static long handles;
    private static OnnxRuntime runtime;
    private static Checkpoint tiny;
    private static ModelConfig small;
    private static HostAccelerator accelerator;
    private static Uploads uploads;
    private static QueuedRecipes inOnePiece;
    private static QueuedRecipes inPieces;
    private static QueuedRecipes inSmallPieces;

    @BeforeAll
    static void open() {
        bytes = DeviceMemory.liveBytes();
        handles = Handles.live();
        runtime = OnnxRuntime.open(2);
        tiny = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
        small = small();
        accelerator = new HostAccelerator(1L << 30);
        uploads = new Uploads(accelerator);
        inOnePiece = recipes(QueuedRecipes.PIECE);
        inPieces = recipes(40 * QueuedTensor.SPAN);
        inSmallPieces = recipes(3 * QueuedTensor.SPAN);
    }

    @AfterAll
    static void nothingIsLeftBehind() {
        inOnePiece.close();
        inPieces.close();
        inSmallPieces.close();
        tiny.close();
        runtime.close();
        assertThat(DeviceMemory.liveBytes()).isEqualTo(bytes);
        assertThat(accelerator.hostBytes()).isZero();
        assertThat(Handles.live()).isEqualTo(handles);
    }

    /** A shape whose matrices fill neither pieces nor spans: 60 x 60, 77 x 60. */
    private static ModelConfig small() {
        return new ModelConfig(
                "LlamaForCausalLM",
                60,
                3,
                2,
                1,
                30,
                77,
                16,
                64,
                1e-5f,
                new RopeConfig(10000, new RopeConfig.Scaling.None()),
                OptionalInt.empty(),
                false,
                OptionalInt.empty(),
                Set.of());
    }

    private static QueuedRecipes recipes(int piece) {
        return new QueuedRecipes(runtime, accelerator, uploads, ElementType.FLOAT, piece);
    }

    private static Recipe recipe(String text, ModelConfig config) {
        return Layout.parse(text, config, Namespace.BASE_ONLY)
                .slots()
                .getFirst()
                .recipe();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "avg(5:6)",
                "avg(2:3:4)",
                "zero(7)",
                "avg0(7:8)",
                "lerp(1:2:0.3)",
                "linear(3*0.25:4*0.5:9*1.5)",
                "slerp(1:2:0.3)",
                "task(3:4*0.5:5*-0.25:6)",
                "ties(3:4*0.5~0.2:5*0.5~0.4:6*-0.3~0.7)",
                "ties(3:4~0.0001:5)",
                "dare(3:4*0.5~0.2:5*0.25~0.5:seed42)",
                "dare(3:4:seed9223372036854775807)"
            })
    void theyEqualTheHosts(String text) {
        Recipe recipe = recipe(text, tiny.config());
        for (QueuedRecipes recipes : List.of(inOnePiece, inPieces)) {
            assertThat(made(recipes, recipe)).isEqualTo(text.startsWith("zero") ? 2 : Role.values().length);
        }
        long used = DeviceMemory.liveBytes();
        made(inPieces, recipe);
        assertThat(DeviceMemory.liveBytes())
                .as("nothing but the room to work in is kept, and that once")
                .isEqualTo(used);
    }

    private static int made(QueuedRecipes recipes, Recipe recipe) {
        int made = 0;
        for (Role role : Role.values()) {
            made += equalToTheHosts(recipes, recipe, role, _ -> tiny) ? 1 : 0;
        }
        return made;
    }

    static List<String> random() {
        Random random = new Random(6);
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            texts.add(String.format(Locale.ROOT, "task(0:1*%.2f:2*%.2f)", weight(random), weight(random)));
            texts.add(String.format(
                    Locale.ROOT,
                    "ties(0:1*%.2f~%.3f:2*%.2f~%.3f)",
                    weight(random),
                    share(random),
                    weight(random),
                    share(random)));
            texts.add(String.format(
                    Locale.ROOT,
                    "dare(0:1*%.2f~%.3f:2*%.2f~%.3f:seed%d)",
                    weight(random),
                    share(random),
                    weight(random),
                    share(random),
                    random.nextInt(100)));
            texts.add(String.format(
                    Locale.ROOT, "slerp(%d:2:%.3f)", random.nextInt(2), 0.9 * random.nextDouble() + 0.05));
        }
        return texts;
    }

    private static double weight(Random random) {
        return random.nextInt(4) == 0 ? 1 - 2 * random.nextInt(2) : random.nextDouble() * 3 - 1.5;
    }

    private static double share(Random random) {
        return random.nextInt(8) == 0 ? 1 : 0.002 + 0.99 * random.nextDouble();
    }

    @ParameterizedTest
    @MethodSource("random")
    void theyDoSoWhereDifferencesAreEqualOrZerosOfEitherSign(String text) {
        Recipe recipe = recipe(text, small);
        MadeUpLayers layers = MadeUpLayers.of(small, text.hashCode());
        for (Role role : Role.values()) {
            for (QueuedRecipes recipes : List.of(inOnePiece, inSmallPieces)) {
                assertThat(equalToTheHosts(recipes, recipe, role, _ -> layers)).isTrue();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.NEGATIVE_INFINITY})
    void theHostTrimsDifferencesThatNoComparisonOrders(float value) {
        Recipe recipe = recipe("ties(0:1~0.5)", small);
        MadeUpLayers layers = MadeUpLayers.of(small, 1);
        layers.put(LayerTensor.DOWN, 1, 77, value);
        assertThat(inSmallPieces.make(recipe, Role.DOWN, _ -> layers, QueuedRecipesTest::uploaded))
                .isEmpty();
        assertThat(equalToTheHosts(inSmallPieces, recipe, Role.UP, _ -> layers)).isTrue();
    }

    @Test
    void whatStaysOfADifferenceIsTheSameForTheSameSeedOnly() {
        MadeUpLayers layers = MadeUpLayers.of(small, 1);
        List<int[]> made = new ArrayList<>();
        for (int seed : new int[] {5, 5, 6}) {
            Recipe recipe = recipe("dare(0:1~0.5:seed" + seed + ")", small);
            try (Uploads.Hold hold = inSmallPieces
                    .make(recipe, Role.UP, _ -> layers, QueuedRecipesTest::uploaded)
                    .orElseThrow()) {
                made.add(segment(hold.data()).toArray(ValueLayout.JAVA_INT));
            }
        }
        assertThat(made.get(1)).isEqualTo(made.getFirst());
        assertThat(made.get(2)).isNotEqualTo(made.getFirst());
    }

    @Test
    void aDeviceWithoutRoomToWorkInSaysSoAndLosesNothing() {
        Recipe recipe = recipe("ties(0:1~0.5)", small);
        MadeUpLayers layers = MadeUpLayers.of(small, 1);
        long used = DeviceMemory.liveBytes();
        HostAccelerator full = new HostAccelerator(1 << 19);
        Uploads there = new Uploads(full);
        try (QueuedRecipes recipes =
                new QueuedRecipes(runtime, full, there, ElementType.FLOAT, 32 * QueuedTensor.SPAN)) {
            assertThatExceptionOfType(SlayerException.class)
                    .isThrownBy(() -> recipes.make(recipe, Role.DOWN, _ -> layers, parts -> uploadedTo(there, parts)))
                    .satisfies(refused -> assertThat(refused.status()).isEqualTo(507));
        }
        assertThat(DeviceMemory.liveBytes()).isEqualTo(used);
        assertThat(full.freeBytes()).isEqualTo(1 << 19);
        assertThat(full.hostBytes()).isZero();
    }

    /** Whether the device made it; it fails where that is not what the host makes. */
    private static boolean equalToTheHosts(QueuedRecipes recipes, Recipe recipe, Role role, LayerSource sources) {
        Optional<Uploads.Hold> hold = recipes.make(recipe, role, sources, QueuedRecipesTest::uploaded);
        hold.ifPresent(made -> {
            float[] expected = expected(recipe, role, sources);
            float[] actual = segment(made.data()).toArray(ValueLayout.JAVA_FLOAT);
            made.close();
            float tolerance = tolerance(role, sources);
            if (recipe instanceof Recipe.Slerp) {
                assertThat(actual).hasSameSizeAs(expected);
                int apart = 0;
                for (int i = 0; i < expected.length; i++) {
                    apart += Math.abs(actual[i] - expected[i]) <= tolerance * Math.abs(expected[i]) + 1e-7f ? 0 : 1;
                }
                assertThat(apart).as("numbers of %s of %s", role, recipe.text()).isZero();
            } else {
                assertThat(Arrays.mismatch(bits(actual), bits(expected)))
                        .as("the first entry that differs in %s of %s", role, recipe.text())
                        .isNegative();
            }
        });
        return hold.isPresent();
    }

    /** Of what is rounded to bfloat16, its last place; of float32 some. */
    private static float tolerance(Role role, LayerSource sources) {
        DType type =
                sources.checkpoint("").source(role.tensors().getFirst().name(0)).dtype();
        return type == DType.F32 ? 1e-6f : 1f / 128;
    }

    private static int[] bits(float... values) {
        return MemorySegment.ofArray(values).toArray(ValueLayout.JAVA_INT);
    }

    private static Uploads.Hold uploaded(List<Float32Source> parts) {
        return uploadedTo(uploads, parts);
    }

    private static Uploads.Hold uploadedTo(Uploads uploads, List<Float32Source> parts) {
        long bytes = parts.stream().mapToLong(Float32Source::elements).sum() * Float.BYTES;
        List<Long> key =
                parts.stream().map(part -> ((Tensor) part).data().address()).toList();
        return uploads.shared(key, bytes, target -> {
            long at = 0;
            for (Float32Source part : parts) {
                MemorySegment memory = segment(target.slice(at, part.elements() * Float.BYTES));
                part.toFloat32(0, memory);
                at += memory.byteSize();
            }
        });
    }

    private static MemorySegment segment(DeviceSlice slice) {
        return MemorySegment.ofAddress(slice.address()).reinterpret(slice.bytes());
    }

    private static float[] expected(Recipe recipe, Role role, LayerSource sources) {
        List<Float32Source> parts = role.tensors().stream()
                .map(tensor -> RecipeTensors.read(recipe, tensor, sources))
                .toList();
        try (Arena arena = Arena.ofConfined()) {
            long elements = parts.stream().mapToLong(Float32Source::elements).sum();
            MemorySegment all = arena.allocate(elements * Float.BYTES, 64);
            long at = 0;
            for (Float32Source source : parts) {
                source.toFloat32(0, all.asSlice(at, source.elements() * Float.BYTES));
                at += source.elements() * Float.BYTES;
            }
            return all.toArray(ValueLayout.JAVA_FLOAT);
        }
    }
}
