package dev.slayer.server.cli.train;

import dev.slayer.server.jobs.CheckpointCodec;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.run.RunControl;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.TrainingRecipe;
import dev.slayer.training.run.TrainingRun;
import java.io.Console;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Runs of recipes, one after the other. A signal to end the process ends the run after its step, with a checkpoint.
 *
 * @param out folder of the runs
 * @param processes that make the steps
 * @param checkpoints opens a base and what layouts may name beside it
 */
public record Training(
        Path out, PeerProcesses processes, Checkpoints checkpoints, PrintWriter output, PrintWriter err) {
    private static final long PATIENCE_SECONDS = 120;

    /** Opens checkpoints for the time of an action. */
    @FunctionalInterface
    public interface Checkpoints {
        /** Opens a base, acts, closes. */
        TrainingRun.Outcome open(Path base, Action action);
    }

    /** What is done with open checkpoints. */
    @FunctionalInterface
    public interface Action {
        /**
         * Acts.
         *
         * @param sources the base under the empty name, and others
         * @param find the others by name
         */
        TrainingRun.Outcome with(LayerSource sources, Function<String, Optional<Checkpoint>> find);
    }

    /**
     * Runs recipes; false if one was stopped before its end.
     *
     * @throws SlayerException if one cannot be run
     */
    public boolean run(List<Path> recipes) {
        List<RunSummary> summaries = new ArrayList<>();
        RunControl control = new RunControl();
        CountDownLatch finished = new CountDownLatch(1);
        Thread hook = new Thread(() -> stop(control, finished), "train-stop");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            for (Path recipe : recipes) {
                RunSummary summary = new RunSummary(name(recipe));
                summaries.add(summary);
                if (!run(recipe, summary, control)) {
                    return false;
                }
            }
        } finally {
            finished.countDown();
            if (!control.stopped()) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
        if (summaries.size() > 1) {
            output.println();
            output.print(Comparison.table(summaries));
            output.flush();
        }
        return true;
    }

    private void stop(RunControl control, CountDownLatch finished) {
        control.stop();
        try {
            if (!finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                err.println("slayer: the run did not stop in time; it goes on from its last checkpoint");
                err.flush();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static String name(Path recipe) {
        return recipe.getFileName().toString().replaceFirst("\\.ya?ml$", "");
    }

    private boolean run(Path file, RunSummary summary, RunControl control) {
        String text = read(file);
        TrainingRecipe recipe = TrainingRecipe.parse(text);
        if (recipe.model().isBlank()) {
            throw SlayerException.badRequest("model", file + " names no model: the folder of a checkpoint");
        }
        Path folder = file.toAbsolutePath().getParent();
        Path base = folder.resolve(recipe.model()).normalize();
        err.println(
                summary.name() + ": " + base.getFileName() + (recipe.layout().isBlank() ? "" : "@" + recipe.layout()));
        boolean watched = PeakMemory.begin();
        TrainingRun.Outcome outcome = checkpoints.open(base, (sources, find) -> {
            try (Tokenizer tokenizer = Tokenizer.load(base);
                    PeerProcesses.Team team = processes.team(file, out.resolve(summary.name()));
                    TrainProgress progress = new TrainProgress(err, terminal(), summary)) {
                RunInputs inputs = new RunInputs(
                        sources.checkpoint(""),
                        base.getFileName().toString(),
                        name -> find.apply(name).map(Checkpoint::config),
                        sources,
                        new CheckpointCodec(tokenizer, base),
                        folder,
                        "Slayer");
                return new TrainingRun(text, inputs, out.resolve(summary.name()), team.peers(), progress).run(control);
            }
        });
        if (watched) {
            PeakMemory.bytes().ifPresent(summary::peak);
        }
        outcome.delta().ifPresent(output::println);
        output.flush();
        return outcome.finished();
    }

    private static boolean terminal() {
        return Optional.ofNullable(System.console()).map(Console::isTerminal).orElse(false);
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new SlayerException(400, "invalid_recipe", "RECIPE", file + " cannot be read: " + e, e);
        }
    }
}
