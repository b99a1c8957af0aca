package dev.slayer.server.cli.suite;

import dev.slayer.server.cli.bench.Median;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** Every single removal, one after another, scored on the same items: what a search for layers that matter does. */
final class SweepPart implements Part {
    private static final int BASES = 3;

    @Override
    public String name() {
        return "sweep";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(true);
        Budget budget = Budget.of(time);
        Scale.Scoring scale = stage.shape().scale().scoring();
        Prompts random = new Prompts(bed.config().vocabularySize(), 7);
        double[] bases = new double[BASES];
        List<int[]> prompts = List.of();
        for (int i = 0; i < BASES; i++) {
            prompts = random.choices(scale, scale.sweepItems()); // others, so that none is in the cache
            bases[i] = score(bed, bed.base(), prompts, budget)
                    .orElseThrow(() -> SlayerException.internal(
                            "time was up while the base was scored; give more by --part-time", null));
        }
        double base = Median.of(bases);
        double all = 0;
        int removed = 0;
        int layers = bed.config().layers();
        OptionalDouble one = OptionalDouble.of(0);
        while (removed < layers && one.isPresent()) {
            one = score(bed, bed.edited("remove", String.valueOf(removed)), prompts, budget);
            all += one.orElse(0);
            removed += one.isPresent() ? 1 : 0;
        }
        if (removed == 0) {
            throw SlayerException.internal(
                    "time was up while the first removal was scored; give more by --part-time", null);
        }
        String note = String.format(
                Locale.ROOT,
                "%d removals, %d items each: %.2f s; the base's items take %.3f s, median of " + BASES + "%s",
                removed,
                scale.sweepItems(),
                all,
                base,
                removed < layers ? "; time was up after " + removed + " of " + layers : "");
        return List.of(Figure.of(
                name(),
                stage.shape().name(),
                "single removals in turn / as often the base",
                all / (removed * base),
                "x",
                note));
    }

    /** Seconds; empty if time was up before the end. */
    private static OptionalDouble score(Bed bed, Layout layout, List<int[]> prompts, Budget budget) {
        List<SequenceRequest> requests =
                prompts.stream().map(prompt -> bed.scoring(layout, prompt)).toList();
        Load load = Load.run(bed.engine(), requests, budget);
        return load.cut() ? OptionalDouble.empty() : OptionalDouble.of(load.seconds());
    }
}
