package dev.slayer.training.golden;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.method.Method;
import dev.slayer.training.method.ParameterSpec;
import dev.slayer.training.model.Parameters;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Tensors;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Four steps of every method, as PyTorch makes them: test-data/golden/training-NAME.json, made by
 * test-data/make/make_golden_training.py, which has the settings that stand here again.
 */
class TrainingGoldenTest {
    private static final int STEPS = 4;
    private static final double RATE = 1e-3;
    /** Losses agree to this; so do gradients, as a share of the gradient's norm, and weights, as a share of a step. */
    private static final double TOLERANCE = 1e-3;

    static Stream<Arguments> runs() {
        return GoldenLayouts.CHECKPOINTS.stream()
                .flatMap(name -> Stream.of("weights", "full", "lora", "adalora", "adapters")
                        .flatMap(method ->
                                Stream.of(Arguments.of(name, method, false), Arguments.of(name, method, true))));
    }

    @BeforeAll
    static void start() {
        LibTorch.start(1);
    }

    @ParameterizedTest
    @MethodSource("runs")
    void stepsAreThoseOfPyTorch(String name, String methodName, boolean recompute) {
        JsonNode golden = GoldenLayouts.read(GoldenLayouts.directory("golden").resolve("training-" + name + ".json"));
        JsonNode expected = golden.get("methods").get(methodName);
        try (Checkpoint base = GoldenLayouts.open(name)) {
            Layout layout = Layout.parse(golden.get("layout").asText(), base.config(), Namespace.BASE_ONLY);
            Method method = method(methodName, golden.get("slots"), layout.depth());
            TrainingModel.Options options = new TrainingModel.Options(recompute, 1);
            try (TrainingModel model = new TrainingModel(base, layout, _ -> base, method, options);
                    Optimizer optimizer = new Optimizer(model.parameters(), method, settings())) {
                fill(model.parameters(), method);
                Rows rows = rows(base.config().vocabularySize());
                for (int step = 1; step <= STEPS; step++) {
                    double loss = model.train(rows, rows.learned()).mean();
                    assertThat(loss)
                            .as("loss of step " + step)
                            .isCloseTo(expected.get("losses").get(step - 1).asDouble(), within(TOLERANCE));
                    if (step == 1 && !methodName.equals("adalora")) {
                        compareGradients(model.parameters(), expected.get("gradients"));
                    }
                    assertThat(optimizer.step().made()).isTrue();
                }
                compareValues(model.parameters(), expected.get("after"));
                compareRanks(optimizer, expected.path("ranks"));
            }
        }
    }

    private static void compareGradients(Parameters parameters, JsonNode expected) {
        assertThat(expected.size()).isEqualTo(parameters.entries().size());
        expected.properties().forEach(parameter -> {
            float[] gradient = Tensors.floats(parameters.gradient(parameter.getKey()));
            double norm = parameter.getValue().get("norm").asDouble();
            double sum = 0;
            for (float value : gradient) {
                sum += (double) value * value;
            }
            assertThat(Math.sqrt(sum)).as(parameter.getKey()).isCloseTo(norm, within(TOLERANCE * norm + 1e-7));
            JsonNode entries = parameter.getValue().get("entries");
            for (int i = 0; i < entries.size(); i++) {
                assertThat((double) gradient[i])
                        .as(parameter.getKey())
                        .isCloseTo(entries.get(i).asDouble(), within(TOLERANCE * norm + 1e-7));
            }
        });
    }

    /** Adam divides by the gradient's own size, so what is left of a tiny one's rounding can be a good part of a step. */
    private static void compareValues(Parameters parameters, JsonNode expected) {
        int far = 0;
        int all = 0;
        for (var parameter : expected.properties()) {
            float[] values = Tensors.floats(parameters.leaf(parameter.getKey()));
            for (int i = 0; i < parameter.getValue().size(); i++) {
                double distance =
                        Math.abs(values[i] - parameter.getValue().get(i).asDouble());
                assertThat(distance).as(parameter.getKey()).isLessThan(STEPS * RATE);
                far += distance > 10 * TOLERANCE * RATE ? 1 : 0;
                all++;
            }
        }
        assertThat(far).as("of " + all + " weights").isLessThanOrEqualTo(all / 50);
    }

    private static void compareRanks(Optimizer optimizer, JsonNode expected) {
        optimizer
                .ranks()
                .forEach((slot, matrices) -> matrices.forEach((tensor, rank) -> {
                    String name = tensor.name(slot);
                    assertThat(rank)
                            .as(name)
                            .isEqualTo(expected.get(name.substring(0, name.length() - ".weight".length()))
                                    .asInt());
                }));
        assertThat(optimizer.ranks().isEmpty()).isEqualTo(expected.isMissingNode());
    }

    private static Optimizer.Settings settings() {
        // The course of a rate that stays what it is.
        LearningRate constant = new LearningRate(RATE, RATE, 0, STEPS);
        return new Optimizer.Settings(new AdamW.Settings(0.9, 0.95, 1e-8, 0.1), constant, 1.0);
    }

    private static Method method(String name, JsonNode slotNumbers, int depth) {
        SortedSet<Integer> slots = new TreeSet<>();
        slotNumbers.forEach(slot -> slots.add(slot.asInt()));
        SortedSet<Integer> all = new TreeSet<>(IntStream.range(0, depth).boxed().toList());
        return switch (name) {
            case "weights" -> new Method.Weights(slots, false, false, true);
            case "full" -> new Method.Weights(all, true, true, true);
            case "lora" -> new Method.LowRank(slots, Method.MATRICES, 4, 8);
            case "adalora" -> new Method.Adaptive(slots, Method.MATRICES, 4, 2, 8, 1, 1, 1, 0.5, 0);
            case "adapters" -> new Method.Adapters(slots, 8);
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static Rows rows(int vocabulary) {
        int[][] rows = new int[2][24];
        for (int row = 0; row < rows.length; row++) {
            for (int place = 0; place < rows[row].length; place++) {
                rows[row][place] = (row * 131 + place * place * 7 + place * 31) % (vocabulary - 4) + 4;
            }
        }
        return Rows.of(rows);
    }

    /** What a method adds begins with numbers that the script computes as well: 0.1 sin(0.7 i + number). */
    private static void fill(Parameters parameters, Method method) {
        int number = 0;
        for (int slot : method.slots()) {
            switch (method) {
                case Method.Weights _ -> {}
                case Method.LowRank _, Method.Adaptive _ -> {
                    for (LayerTensor tensor : LayerTensor.values()) {
                        if (Method.MATRICES.contains(tensor)) {
                            fill(parameters, stem(tensor.name(slot)) + "lora_A.weight", number);
                            fill(parameters, stem(tensor.name(slot)) + "lora_B.weight", number + 1);
                            if (method instanceof Method.Adaptive) {
                                fill(parameters, stem(tensor.name(slot)) + "lora_E.weight", number + 2);
                            }
                            number += 3;
                        }
                    }
                }
                case Method.Adapters _ -> {
                    for (String part : new String[] {"self_attn", "mlp"}) {
                        for (String name : new String[] {"down.weight", "down.bias", "up.weight", "up.bias"}) {
                            fill(parameters, "model.layers." + slot + "." + part + ".adapter." + name, number++);
                        }
                    }
                }
            }
        }
    }

    private static String stem(String name) {
        return name.substring(0, name.length() - "weight".length());
    }

    private static void fill(Parameters parameters, String name, int number) {
        ParameterSpec spec = parameters.entry(name).spec();
        float[] values = new float[Math.toIntExact(spec.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.1 * Math.sin(0.7 * i + number));
        }
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            Tensor leaf = parameters.leaf(name);
            var _ = leaf.view(-1).copy_(Tensors.of(values, values.length));
        }
    }
}
