package dev.slayer.server.cli.suite;

import dev.slayer.server.cli.bench.Median;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** What the first token through a stack costs that was never seen, more than the base's right before it. */
final class NewLayoutsPart implements Part {
    private static final int WARMUP = 20;
    private static final double REMOVAL_TARGET = 2;
    private static final double AVERAGE_TARGET = 50;

    @Override
    public String name() {
        return "new-layouts";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(false);
        Budget budget = Budget.of(time);
        Scale.Layouts scale = stage.shape().scale().layouts();
        Prompts prompts = new Prompts(bed.config().vocabularySize(), 5);
        Budget warmup = budget.share(4);
        for (int i = 0; i < WARMUP && !warmup.over(); i++) {
            var _ = firstToken(bed, bed.base(), prompts.next(scale.prompt()));
        }
        int layers = bed.config().layers();
        List<Layout> removals = IntStream.range(0, scale.removals())
                .mapToObj(i -> bed.edited("remove", i % (layers - 1) + "," + (layers - 1)))
                .toList();
        List<Layout> averages = IntStream.range(0, scale.averages())
                .mapToObj(i -> bed.edited("insert", i * (layers - 1) / scale.averages() + ":average"))
                .toList();
        return List.of(
                compare(stage, bed, "new removal layout", removals, prompts, budget.share(2))
                        .aiming(stage.target(Target.most(REMOVAL_TARGET))),
                compare(stage, bed, "new averaged block", averages, prompts, budget)
                        .aiming(stage.target(Target.most(AVERAGE_TARGET))));
    }

    private Figure compare(Stage stage, Bed bed, String what, List<Layout> layouts, Prompts prompts, Budget budget) {
        int length = stage.shape().scale().layouts().prompt();
        List<Double> bases = new ArrayList<>();
        List<Double> more = new ArrayList<>();
        for (Layout layout : layouts) {
            if (budget.over() && !more.isEmpty()) {
                break;
            }
            double base = firstToken(bed, bed.base(), prompts.next(length));
            bases.add(base);
            more.add(firstToken(bed, layout, prompts.next(length)) - base);
        }
        double[] sorted =
                more.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        String note = String.format(
                Locale.ROOT,
                "median of %d of %d, the base's first token takes %.2f ms; most %.2f ms",
                sorted.length,
                layouts.size(),
                Median.of(bases.stream().mapToDouble(Double::doubleValue).toArray()),
                sorted[sorted.length - 1]);
        return Figure.of(
                name(),
                stage.shape().name(),
                "first token, " + what + ", more than base",
                Median.of(sorted),
                "ms",
                note);
    }

    /** Milliseconds from submission to the first token. */
    private static double firstToken(Bed bed, Layout layout, int[] prompt) {
        Load load =
                Load.run(bed.engine(), List.of(bed.generating(layout, prompt, 1)), Budget.of(Duration.ofMinutes(2)));
        long[] times = load.traces().getFirst().times();
        if (times.length == 0) {
            throw SlayerException.internal(
                    "no first token came through " + layout.text() + " within two minutes", null);
        }
        return (times[0] - load.traces().getFirst().submitted()) / 1e6;
    }
}
