package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** 16 stacks at once, each with one or two layers of its own left out, against 16 sequences of the base. */
final class MixedPart implements Part {
    private static final int STACKS = 16;
    private static final int ROUNDS = 3;
    private static final double TARGET = 0.8;

    @Override
    public String name() {
        return "mixed";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(false);
        Budget budget = Budget.of(time);
        List<Layout> bases = Collections.nCopies(STACKS, bed.base());
        List<Layout> layouts = layouts(bed);
        Prompts prompts = new Prompts(bed.config().vocabularySize(), 6);
        double base = 0;
        double mixed = 0;
        for (int round = -1; round < ROUNDS; round++) { // the first pays for what is made once and does not count
            int left = 2 * (ROUNDS - round);
            double one = slotsPerSecond(stage, bed, bases, prompts, budget.share(left));
            double other = slotsPerSecond(stage, bed, layouts, prompts, budget.share(left - 1));
            base += round < 0 ? 0 : one / ROUNDS;
            mixed += round < 0 ? 0 : other / ROUNDS;
        }
        String note = String.format(
                Locale.ROOT,
                "rows through slots a second: base %.0f, mixed %.0f; means of " + ROUNDS + " rounds in turns",
                base,
                mixed);
        return List.of(Figure.of(
                        name(),
                        stage.shape().name(),
                        STACKS + " layouts / " + STACKS + " times base",
                        mixed / base,
                        "x",
                        note)
                .aiming(stage.target(Target.least(TARGET))));
    }

    /** Removals that leave every layer to most of the stacks; pairs where there are too few layers. */
    private static List<Layout> layouts(Bed bed) {
        int layers = bed.config().layers();
        List<Layout> layouts = new ArrayList<>();
        for (int i = 0; i < STACKS; i++) {
            boolean single = layers >= STACKS;
            int first = single ? i * layers / STACKS : i % layers;
            int distance = 1 + i / layers;
            String removed = single ? String.valueOf(first) : first + "," + (first + distance) % layers;
            layouts.add(bed.edited("remove", removed));
        }
        return layouts;
    }

    private static double slotsPerSecond(Stage stage, Bed bed, List<Layout> layouts, Prompts prompts, Budget budget) {
        Scale scale = stage.shape().scale();
        List<SequenceRequest> requests = layouts.stream()
                .map(layout -> bed.generating(
                        layout,
                        prompts.next(scale.layouts().prompt()),
                        scale.layouts().tokens()))
                .toList();
        DecodeWindow window =
                DecodeWindow.of(Load.run(bed.engine(), requests, budget).traces());
        double depth = layouts.stream().mapToInt(Layout::depth).average().orElseThrow();
        return window.tokensPerSecond() * depth;
    }
}
