package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.SequenceRequest;
import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Generated tokens a second of many prompts and answers of one length, prefill included. */
final class OfflinePart implements Part {
    private static final double TARGET = 16_000;

    @Override
    public String name() {
        return "offline";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(false);
        Scale.Offline scale = stage.shape().scale().offline();
        List<SequenceRequest> requests = new Prompts(bed.config().vocabularySize(), 3)
                .next(scale.sequences(), scale.prompt()).stream()
                        .map(prompt -> bed.generating(bed.base(), prompt, scale.tokens()))
                        .toList();
        Load load = Load.run(bed.engine(), requests, Budget.of(time));
        double generated = 0;
        long last = load.begun();
        for (Trace trace : load.traces()) {
            long[] times = trace.times();
            generated += times.length;
            last = times.length == 0 ? last : Math.max(last, times[times.length - 1]);
        }
        double seconds = (last - load.begun()) / 1e9;
        String note = String.format(
                Locale.ROOT,
                "%d sequences of %d in, %d out, %.1f s",
                scale.sequences(),
                scale.prompt(),
                scale.tokens(),
                seconds);
        Figure figure = Figure.of(
                        name(), stage.shape().name(), "offline throughput", generated / seconds, "tokens/s", note)
                .noting(load.cut() ? load.cutNote() + " had ended; tokens until then count" : "");
        // A rate that was cut off holds another mix of prefill and decoding than the limit is about.
        Figure beside = load.cut() ? figure : stage.limits().beside(figure, generated, cost(bed, scale));
        return List.of(beside.aiming(stage.target(Target.least(TARGET))));
    }

    /** All prompts, and steps as full as the engine and its KV allow. */
    private static Cost cost(Bed bed, Scale.Offline scale) {
        ModelCosts costs = bed.costs(bed.base());
        int atOnce = bed.fitting(scale.sequences(), scale.prompt() + scale.tokens());
        double rows = atOnce * (scale.prompt() + scale.tokens() / 2.0);
        Cost step = costs.decodeStep(atOnce, rows);
        double steps = (double) scale.sequences() * scale.tokens() / atOnce;
        Cost prefill = costs.prefill(
                (double) scale.sequences() * scale.prompt(),
                scale.sequences() * ModelCosts.seen(scale.prompt(), 0),
                scale.sequences());
        return prefill.plus(new Cost(step.bytes() * steps, step.operations() * steps));
    }
}
