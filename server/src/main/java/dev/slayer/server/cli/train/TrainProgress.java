package dev.slayer.server.cli.train;

import dev.slayer.training.run.RunEvent;
import dev.slayer.training.run.RunListener;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows a run on a terminal: a bar that moves, and a line for each thing worth one. Elsewhere only the lines. */
final class TrainProgress implements RunListener, AutoCloseable {
    private static final int EVERY = 50;

    private final PrintWriter err;
    private final boolean terminal;
    private ProgressBar bar;
    private long trained;
    private long made;

    /** @param terminal whether a bar can be drawn */
    TrainProgress(PrintWriter err, boolean terminal) {
        this.err = err;
        this.terminal = terminal;
    }

    @Override
    public void on(RunEvent event) {
        switch (event) {
            case RunEvent.Begun begun -> begin(begun);
            case RunEvent.Stepped step -> step(step);
            case RunEvent.Validated validated ->
                say("step " + validated.step() + ": validation " + losses(validated.losses()));
            case RunEvent.Saved saved -> {
                if (!terminal) {
                    say("step " + saved.step() + ": saved in " + saved.folder());
                }
            }
            case RunEvent.Warned warned -> say("warning: " + warned.message());
            case RunEvent.Finished _ -> {}
        }
    }

    /** Numbers that the run trains; 0 before it begins. */
    long trained() {
        return trained;
    }

    /** Steps that were made since. */
    long made() {
        return made;
    }

    private void begin(RunEvent.Begun begun) {
        trained = begun.trained();
        say(String.format(
                Locale.ROOT,
                "%,d of %,d parameters are trained, %d steps%s",
                begun.trained(),
                begun.parameters(),
                begun.steps(),
                begun.firstStep() > 1 ? ", going on with step " + begun.firstStep() : ""));
        if (terminal) {
            bar = new ProgressBarBuilder()
                    .setInitialMax(begun.steps())
                    .setStyle(ProgressBarStyle.ASCII)
                    .setTaskName("step")
                    .startsFrom(begun.firstStep() - 1, java.time.Duration.ZERO)
                    .build();
        }
    }

    private void step(RunEvent.Stepped step) {
        made++;
        String text = String.format(
                Locale.ROOT,
                "loss %.4f  %,.0f tokens/s  %.0f %% of the matrix rate",
                step.loss(),
                step.tokensPerSecond(),
                100 * step.utilization());
        if (bar != null) {
            bar.stepTo(step.step());
            bar.setExtraMessage(text);
        } else if (step.step() % EVERY == 0 || step.step() == 1) {
            say("step " + step.step() + ": " + text);
        }
    }

    private static String losses(Map<String, Double> losses) {
        return new TreeMap<>(losses)
                .entrySet().stream()
                        .map(domain -> String.format(Locale.ROOT, "%s %.4f", domain.getKey(), domain.getValue()))
                        .collect(Collectors.joining(", "));
    }

    private void say(String line) {
        err.println(line);
        err.flush();
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
        }
    }
}
