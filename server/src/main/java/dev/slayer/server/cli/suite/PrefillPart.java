package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.List;

/** Tokens a second of prompts that are read for one token each. */
final class PrefillPart implements Part {
    static final double TARGET = 0.60;

    @Override
    public String name() {
        return "prefill";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(false);
        Scale.Prefill scale = stage.shape().scale().prefill();
        List<SequenceRequest> requests = new Prompts(bed.config().vocabularySize(), 2)
                .next(scale.prompts(), scale.length()).stream()
                        .map(prompt -> bed.generating(bed.base(), prompt, 1))
                        .toList();
        Load load = Load.run(bed.engine(), requests, Budget.of(time));
        int ended = requireSome(load);
        double tokens = (double) ended * scale.length();
        Cost cost = bed.costs(bed.base()).prefill(tokens, ended * ModelCosts.seen(scale.length(), 0), ended);
        double rate = tokens / load.seconds();
        Figure figure = Figure.of(
                        name(),
                        stage.shape().name(),
                        "prefill",
                        rate,
                        "tokens/s",
                        ended + " prompts of " + scale.length() + " tokens")
                .noting(load.cutNote());
        return List.of(stage.limits().beside(figure, tokens, cost).aiming(stage.target(Target.share(TARGET))));
    }

    /** Sequences that came to their end. @throws SlayerException if there is none */
    static int requireSome(Load load) {
        int ended = load.whole().size();
        if (ended == 0) {
            throw SlayerException.internal("time was up before any sequence had ended; give more by --part-time", null);
        }
        return ended;
    }
}
