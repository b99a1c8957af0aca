package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.SequenceRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Four-choice items with shared shots, scored as evaluation harnesses do: without a prefix cache, and with one. */
final class ScoringPart implements Part {
    private static final int CHOICES = 4;

    @Override
    public String name() {
        return "scoring";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        List<Figure> figures = new ArrayList<>();
        Duration half = time.dividedBy(2);
        Scale.Scoring scale = stage.shape().scale().scoring();
        figures.add(
                measure(stage, stage.bed(false), scale, half).aiming(stage.target(Target.share(PrefillPart.TARGET))));
        figures.add(cached(stage, stage.bed(true), scale, half));
        return figures;
    }

    private Figure measure(Stage stage, Bed bed, Scale.Scoring scale, Duration time) {
        Load load = Load.run(bed.engine(), requests(bed, scale), Budget.of(time));
        int ended = PrefillPart.requireSome(load);
        double length = scale.shots() + scale.question() + scale.choice();
        Cost cost =
                bed.costs(bed.base()).prefill(ended * length, ended * ModelCosts.seen(length, 0), ended * (length - 1));
        return row(stage, "scoring without cache", load, cost);
    }

    private Figure cached(Stage stage, Bed bed, Scale.Scoring scale, Duration time) {
        Load load = Load.run(bed.engine(), requests(bed, scale), Budget.of(time));
        int ended = PrefillPart.requireSome(load);
        double items = (double) ended / CHOICES;
        double asked = scale.shots() + scale.question();
        double length = asked + scale.choice();
        double tokens = scale.shots() + items * scale.question() + ended * (double) scale.choice();
        double seen = ModelCosts.seen(scale.shots(), 0)
                + items * ModelCosts.seen(asked, scale.shots())
                + ended * ModelCosts.seen(length, asked);
        return row(
                stage, "scoring with prefix cache", load, bed.costs(bed.base()).prefill(tokens, seen, tokens));
    }

    private Figure row(Stage stage, String what, Load load, Cost cost) {
        double items = (double) load.whole().size() / CHOICES;
        Figure figure = Figure.of(
                        name(),
                        stage.shape().name(),
                        what,
                        items / load.seconds(),
                        "items/s",
                        load.whole().size() + " prompts")
                .noting(load.cutNote());
        return stage.limits().beside(figure, items, cost);
    }

    private static List<SequenceRequest> requests(Bed bed, Scale.Scoring scale) {
        return new Prompts(bed.config().vocabularySize(), 4)
                .choices(scale, scale.items()).stream()
                        .map(prompt -> bed.scoring(bed.base(), prompt))
                        .toList();
    }
}
