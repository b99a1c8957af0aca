package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.SequenceRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Tokens a second of sequences that only generate, at several numbers of sequences. */
final class DecodePart implements Part {
    private static final double TARGET = 0.80;

    @Override
    public String name() {
        return "decode";
    }

    @Override
    public List<Figure> measure(Stage stage, Duration time) {
        Bed bed = stage.bed(false);
        Budget budget = Budget.of(time);
        List<Integer> batches = stage.shape().scale().decode().batches();
        List<Figure> figures = new ArrayList<>();
        for (int i = 0; i < batches.size(); i++) {
            figures.add(measure(stage, bed, batches.get(i), budget.share(batches.size() - i)));
        }
        return figures;
    }

    private Figure measure(Stage stage, Bed bed, int batch, Budget budget) {
        String what = "decode, batch " + batch;
        Scale.Decode scale = stage.shape().scale().decode();
        int rows = scale.prompt() + scale.tokens();
        if (bed.fitting(batch, rows) < batch) {
            return Figure.absent(
                    name(),
                    stage.shape().name(),
                    what + ": KV of " + batch + " times " + rows + " tokens does not fit");
        }
        DecodeWindow window;
        Load load;
        try {
            load = Load.run(bed.engine(), requests(bed, batch, scale), budget);
            window = DecodeWindow.of(load.traces());
        } catch (RuntimeException e) {
            return Figure.failed(name(), stage.shape().name(), what + ": " + e.getMessage());
        }
        Cost step = bed.costs(bed.base()).decodeStep(batch, window.rows());
        String note = String.format(
                Locale.ROOT,
                "%.3f ms a step, %d steps, context %.0f",
                window.stepMillis(),
                window.steps(),
                window.rows() / batch);
        Figure figure = Figure.of(name(), stage.shape().name(), what, window.tokensPerSecond(), "tokens/s", note)
                .noting(load.cutNote());
        Figure beside = stage.limits().beside(figure, batch, step);
        return batch == 1 ? beside.aiming(stage.target(Target.share(TARGET))) : beside;
    }

    private static List<SequenceRequest> requests(Bed bed, int batch, Scale.Decode scale) {
        return new Prompts(bed.config().vocabularySize(), batch)
                .next(batch, scale.prompt()).stream()
                        .map(prompt -> bed.generating(bed.base(), prompt, scale.tokens()))
                        .toList();
    }
}
