package dev.slayer.server.cli.suite;

import dev.slayer.server.jobs.CheckpointCodec;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.StepBench;
import dev.slayer.training.run.TrainingRecipe;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Training steps of the S strategy, of Llama Pro and of all weights, each over as many layers as fit. A step cannot be cut off: time
 * is looked at between attempts.
 */
final class TrainingPart implements Part {
    private static final int STEPS = 3;
    private static final double UTILIZATION_TARGET = 0.45;
    private static final double RATIO_TARGET = 0.945;
    private static final int TRAINED_BYTES = 16; // weight, gradient and two moments in float32

    private static final String S_STRATEGY = "S strategy";
    private static final String LLAMA_PRO = "Llama Pro";
    private static final String FULL = "full";

    /** An attempt: how many layers, and whether blocks are computed again on the way back. */
    private record Attempt(int layers, boolean recompute) {}

    /** What an attempt came to. */
    private record Step(Attempt attempt, StepBench.Result result) {}

    @Override
    public String name() {
        return "training";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        stage.close();
        Budget budget = Budget.of(time);
        List<Figure> figures = new ArrayList<>();
        Map<String, Step> steps = new LinkedHashMap<>();
        for (String method : List.of(S_STRATEGY, LLAMA_PRO, FULL)) {
            try {
                Step step = step(stage, method, budget);
                steps.put(method, step);
                Figure figure = figure(stage, method, step);
                figures.add(
                        method.equals(S_STRATEGY)
                                ? figure.aiming(stage.target(Target.share(UTILIZATION_TARGET)))
                                : figure);
            } catch (RuntimeException e) {
                figures.add(Figure.failed(name(), stage.shape().name(), "training, " + method + ": " + e.getMessage()));
            }
        }
        ratio(stage, steps).ifPresent(figures::add);
        return figures;
    }

    private Optional<Figure> ratio(Stage stage, Map<String, Step> steps) {
        Optional<Step> ours = Optional.ofNullable(steps.get(S_STRATEGY));
        Optional<Step> theirs = Optional.ofNullable(steps.get(LLAMA_PRO));
        if (ours.isEmpty() || theirs.isEmpty()) {
            return Optional.empty();
        }
        String name = "step time, S strategy / Llama Pro";
        if (!ours.get().attempt().equals(theirs.get().attempt())) {
            return Optional.of(Figure.absent(name(), stage.shape().name(), name + ": they fit at different scales"));
        }
        double ratio = ours.get().result().seconds() / theirs.get().result().seconds();
        return Optional.of(Figure.of(name(), stage.shape().name(), name, ratio, "x", "")
                .aiming(stage.target(Target.most(RATIO_TARGET))));
    }

    private Figure figure(Stage stage, String method, Step step) {
        StepBench.Result result = step.result();
        String note = String.format(
                Locale.ROOT,
                "%.3f s a step of %d tokens, %,d of %,d numbers trained, %d of %d layers%s%s",
                result.seconds(),
                result.tokens(),
                result.trained(),
                result.parameters(),
                step.attempt().layers(),
                stage.shape().config().layers(),
                step.attempt().recompute() ? ", recomputed" : "",
                result.deviceBytes().isPresent()
                        ? String.format(
                                Locale.ROOT,
                                ", peak %.1f GB",
                                result.deviceBytes().getAsLong() / 1e9)
                        : "");
        return Figure.of(
                        name(), stage.shape().name(), "training, " + method, result.tokensPerSecond(), "tokens/s", note)
                .within(result.tokensPerSecond() / result.utilization());
    }

    /** The largest that fits. */
    private static Step step(Stage stage, String method, Budget budget) {
        List<Attempt> attempts = attempts(stage, method);
        SlayerException last = SlayerException.internal(
                attempts.isEmpty()
                        ? "a quarter of the layers needs more memory than there is"
                        : "time was up before it began; give more by --part-time",
                null);
        for (Attempt attempt : attempts) {
            if (budget.over()) {
                throw last;
            }
            try {
                return new Step(attempt, measured(stage, method, attempt));
            } catch (RuntimeException e) {
                if (!exhausted(e)) {
                    throw e;
                }
                last = new SlayerException(
                        507,
                        "device_memory_exhausted",
                        null,
                        attempt.layers() + " layers did not fit into memory: " + e.getMessage(),
                        e);
            }
        }
        throw last;
    }

    /** All layers, without and with recomputation, then fewer; without what cannot fit by its numbers alone. */
    private static List<Attempt> attempts(Stage stage, String method) {
        int layers = stage.shape().config().layers();
        return Stream.of(
                        new Attempt(layers, false),
                        new Attempt(layers, true),
                        new Attempt(3 * layers / 4, true),
                        new Attempt(layers / 2, true),
                        new Attempt(layers / 4, true))
                .filter(attempt -> !method.equals(FULL) || fits(stage, attempt.layers()))
                .toList();
    }

    private static boolean fits(Stage stage, int layers) {
        long numbers = stage.shape().config().withLayers(layers).parameters().total();
        return numbers * TRAINED_BYTES < stage.site().trainingBytes();
    }

    private static StepBench.Result measured(Stage stage, String method, Attempt attempt) {
        Shape whole = stage.shape();
        Path all = stage.checkpoint();
        Path folder = attempt.layers() == whole.config().layers()
                ? all
                : RandomCheckpoint.shortened(whole, whole.withLayers(attempt.layers()), stage.work());
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                Tokenizer tokenizer = Tokenizer.bytes()) {
            RunInputs inputs = new RunInputs(
                    checkpoint,
                    whole.name(),
                    Namespace.BASE_ONLY,
                    name -> checkpoint,
                    new CheckpointCodec(tokenizer, folder),
                    folder,
                    "Slayer");
            return new StepBench(STEPS).measure(recipe(stage, method, attempt), inputs);
        }
    }

    private static TrainingRecipe recipe(Stage stage, String method, Attempt attempt) {
        Scale.Training scale = stage.shape().scale().training();
        String layout = switch (method) {
            case S_STRATEGY -> "layout: preset=slayer\nmethod: {name: expand}\n";
            case LLAMA_PRO -> "layout: preset=llama-pro\nmethod: {name: expand, head: true}\n";
            default -> "method: {name: full}\n";
        };
        return TrainingRecipe.parse(layout + "data: {sources: [random], length: " + scale.length() + "}\n"
                + "optimizer: {batch: " + scale.rows() + ", micro_batch: " + scale.rows() + "}\n"
                + "run: {recompute: " + attempt.recompute() + ", device: \""
                + stage.site().trainingDevice() + "\"}\n");
    }

    private static boolean exhausted(Throwable failure) {
        for (Throwable at = failure; at != null; at = at.getCause()) {
            String message = String.valueOf(at.getMessage()).toLowerCase(Locale.ROOT);
            if (message.contains("out of memory") || (at instanceof SlayerException known && known.status() == 507)) {
                return true;
            }
        }
        return false;
    }
}
