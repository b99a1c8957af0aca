package dev.slayer.training.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.TrainableParts;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Placement;
import dev.slayer.training.torch.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models elsewhere than in float32 on the CPU: in bfloat16, and on libtorch's device without numbers, where a tensor of the CPU is refused. */
class PlacedModelTest {
    private static final Placement NARROW = new Placement("cpu", ScalarType.BFloat16);
    private static final Placement NOWHERE = new Placement("meta", ScalarType.BFloat16);
    private static final int STEPS = 12;

    @BeforeAll
    static void start() {
        LibTorch.start(1);
    }

    static Stream<Arguments> models() {
        return GoldenLayouts.CHECKPOINTS.stream()
                .flatMap(name -> Stream.of("full", "weights", "lora", "adalora", "adapters")
                        .map(method -> Arguments.of(name, method)));
    }

    /**
     * The first loss is within 0.5 %, later ones within 1 % of the first, while they fall to a sixth of it; gradients of the first step,
     * of all parameters together, are within 8 degrees.
     */
    @ParameterizedTest
    @MethodSource("models")
    void bfloat16LearnsWhatFloat32Learns(String name, String method) {
        Run wide = run(name, method, Placement.CPU, false);
        for (boolean recompute : new boolean[] {false, true}) {
            Run narrow = run(name, method, NARROW, recompute);
            assertThat(cosine(wide.gradient(), narrow.gradient())).isGreaterThan(0.99);
            double first = wide.losses().getFirst();
            assertThat(narrow.losses().getFirst()).isCloseTo(first, within(0.005 * first));
            for (int step = 1; step < STEPS; step++) {
                assertThat(narrow.losses().get(step))
                        .as("step " + step)
                        .isCloseTo(wide.losses().get(step), within(0.01 * first));
            }
        }
        assertThat(wide.losses().getLast()).isLessThan(wide.losses().getFirst());
    }

    private record Run(List<Double> losses, float[] gradient) {}

    private static Run run(String name, String methodName, Placement placement, boolean recompute) {
        try (Checkpoint base = GoldenLayouts.open(name)) {
            Layout layout = Layout.parse("0,avg(0:1),1-2", base.config(), Namespace.BASE_ONLY);
            Method method = method(methodName, layout.depth());
            TrainingModel.Options options = new TrainingModel.Options(recompute, 3, placement);
            Optimizer.Settings settings =
                    new Optimizer.Settings(AdamW.Settings.PUBLISHED, new LearningRate(1e-3, 1e-3, 0, STEPS), 1);
            try (TrainingModel model = new TrainingModel(base, layout, _ -> base, method, options);
                    Optimizer optimizer = new Optimizer(model.parameters(), method, settings)) {
                Rows rows = rows(base.config(), true);
                List<Double> losses = new ArrayList<>();
                float[] gradient = null;
                for (int step = 0; step < STEPS; step++) {
                    losses.add(model.train(rows, rows.learned()).mean());
                    gradient =
                            gradient == null ? Tensors.floats(model.parameters().gradients()) : gradient;
                    assertThat(optimizer.step().made()).isTrue();
                }
                return new Run(losses, gradient);
            }
        }
    }

    static Stream<Arguments> everywhere() {
        return Stream.of("random-llama3", "random-mistral")
                .flatMap(name -> Stream.of("full", "weights", "lora", "adalora", "adapters")
                        .map(method -> Arguments.of(name, method)));
    }

    /**
     * libtorch refuses to compute with tensors of two devices. (Attention and the look-up of an embedding are missing on a device without
     * numbers: what they are given is looked at instead.)
     */
    @ParameterizedTest
    @MethodSource("everywhere")
    void nothingOfASlotOrOfAStepStaysOnTheCpu(String name, String methodName) {
        try (Checkpoint base = GoldenLayouts.open(name);
                PointerScope _ = new PointerScope()) {
            ModelConfig config = base.config();
            Layout layout = Layout.parse("0,avg(0:1),1-2", config, Namespace.BASE_ONLY);
            Method method = method(methodName, layout.depth());
            try (FrozenWeights frozen = new FrozenWeights(base, layout, _ -> base, NOWHERE, true);
                    Parameters parameters = new Parameters(TrainableParts.of(method, config), NOWHERE);
                    AdamW adam = new AdamW(parameters, AdamW.Settings.PUBLISHED)) {
                Positions positions = new Positions(config, rows(config, false), NOWHERE, true);
                assertThat(positions
                                .rotate(rows(config.heads(), config.headDim()))
                                .is_meta())
                        .isTrue();
                assertThat(frozen.embedding().is_meta()).isTrue();
                assertThat(frozen.head().is_meta()).isTrue();
                Tensor sum = NOWHERE.zeros(1);
                for (int slot = 0; slot < layout.depth(); slot++) {
                    sum = sum.add(used(new Trained(slot, method, parameters, frozen, new Dropout(0, 1)), config));
                }
                sum.backward();
                adam.step(1e-3);
                assertThat(parameters.gradients().is_meta()).isTrue();
                assertThat(adam.square().is_meta()).isTrue();
            }
        }
    }

    /** All that a slot computes with its weights, in one number. */
    private static Tensor used(Trained weights, ModelConfig config) {
        Tensor sum = NOWHERE.zeros(1);
        for (LayerTensor tensor : LayerTensor.values()) {
            Tensor result = Method.MATRICES.contains(tensor)
                    ? weights.project(tensor, rows(1, tensor.shape(config).get(1)))
                    : DecoderBlock.norm(config, rows(1, config.hiddenSize()), weights.norm(tensor));
            sum = sum.add(result.sum());
        }
        Tensor attention = weights.adapt(true, rows(1, config.hiddenSize()));
        return sum.add(attention.sum())
                .add(weights.adapt(false, rows(1, config.hiddenSize())).sum());
    }

    private static Tensor rows(long heads, long width) {
        return NOWHERE.computing(NOWHERE.zeros(2, heads, 24, width));
    }

    /** On CUDA what is not seen is a number that is added, and shared heads are spread out: the same attention. */
    @ParameterizedTest
    @ValueSource(strings = {"random-llama2", "random-llama3", "random-mistral"})
    void attentionByBiasIsAttentionByMask(String name) {
        try (Checkpoint base = GoldenLayouts.open(name);
                PointerScope _ = new PointerScope()) {
            ModelConfig config = base.config();
            Rows rows = rows(config, true);
            Tensor queries = heads(rows, config.heads(), config.headDim());
            Tensor keys = heads(rows, config.kvHeads(), config.headDim());
            Tensor values = heads(rows, config.kvHeads(), config.headDim());
            float[] masked =
                    Tensors.floats(new Positions(config, rows, Placement.CPU, false).attend(queries, keys, values));
            float[] biased =
                    Tensors.floats(new Positions(config, rows, Placement.CPU, true).attend(queries, keys, values));
            for (int i = 0; i < masked.length; i++) {
                assertThat(biased[i]).isCloseTo(masked[i], within(1e-5f));
            }
        }
    }

    private static Tensor heads(Rows rows, int heads, int width) {
        return Placement.CPU.zeros(rows.rows(), heads, rows.length(), width).normal_(0, 1, null);
    }

    private static Method method(String name, int depth) {
        TreeSet<Integer> all = new TreeSet<>(IntStream.range(0, depth).boxed().toList());
        TreeSet<Integer> some = new TreeSet<>(List.of(1, 3));
        return switch (name) {
            case "weights" -> new Method.Weights(some, false, false, false);
            case "full" -> new Method.Weights(all, true, true, true);
            case "lora" -> new Method.LowRank(some, Method.MATRICES, 4, 8);
            case "adalora" -> new Method.Adaptive(some, Method.MATRICES, 4, 2, 8, 1, 1, 1, 0.5, 0);
            case "adapters" -> new Method.Adapters(some, 8);
            default -> throw new IllegalArgumentException(name);
        };
    }

    /** Two rows of 24 tokens, in three documents each if these are told apart. */
    private static Rows rows(ModelConfig config, boolean documents) {
        Random random = new Random(11);
        int[][] tokens = new int[2][24];
        for (int[] row : tokens) {
            for (int i = 0; i < row.length; i++) {
                row[i] = 4 + random.nextInt(Math.min(60, config.vocabularySize() - 4));
            }
        }
        Rows rows = Rows.of(tokens);
        int[] numbers = IntStream.range(0, 48).map(i -> i % 24 / 8).toArray();
        return documents ? new Rows(2, 24, rows.tokens(), rows.targets(), numbers) : rows;
    }

    private static double cosine(float[] one, float[] other) {
        double product = 0;
        double first = 0;
        double second = 0;
        for (int i = 0; i < one.length; i++) {
            product += (double) one[i] * other[i];
            first += (double) one[i] * one[i];
            second += (double) other[i] * other[i];
        }
        return product / Math.sqrt(first * second);
    }
}
