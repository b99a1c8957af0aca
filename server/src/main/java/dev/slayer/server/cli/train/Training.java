package dev.slayer.server.cli.train;

import dev.slayer.server.cli.bench.PeakMemory;
import dev.slayer.server.jobs.CheckpointCodec;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.run.RunControl;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.RunRecord;
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
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Runs of recipes, one after the other. A signal to end the process ends the run after its step, with a checkpoint.
 *
 * @param out folder of the runs
 * @param device in the place of the recipes' own
 * @param precision likewise
 * @param processes that make the steps
 * @param checkpoints opens a base and what layouts may name beside it
 */
public record Training(
        Path out,
        Optional<String> device,
        Optional<String> precision,
        PeerProcesses processes,
        Checkpoints checkpoints,
        PrintWriter output,
        PrintWriter err) {
    private static final long PATIENCE_SECONDS = 120;

    /** Opens checkpoints for the time of an action. */
    @FunctionalInterface
    public interface Checkpoints {
        /** Opens a base, acts, closes. */
        void open(Path base, Action action);
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
        void with(LayerSource sources, Function<String, Optional<Checkpoint>> find);
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
                Optional<RunSummary> summary = run(recipe, control);
                if (summary.isEmpty()) {
                    return false;
                }
                summaries.add(summary.get());
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

    /**
     * Times steps of recipes over random tokens, and prints a table.
     *
     * @param peer a Python whose full fine-tuning is timed beside, with the shapes of the first recipe
     */
    public void time(List<Path> recipes, int steps, Optional<Path> peer) {
        StepTimes times = new StepTimes(steps);
        for (Path file : recipes) {
            with(file, (recipe, inputs) -> {
                err.println("timing " + name(file));
                err.flush();
                times.add(name(file), recipe, inputs);
            });
        }
        peer.ifPresent(python -> with(recipes.getFirst(), (recipe, inputs) -> times.addPeer(python, recipe, inputs)));
        output.print(times.table());
        output.flush();
    }

    private interface Use {
        void use(TrainingRecipe recipe, RunInputs inputs);
    }

    /** Opens what a recipe names. */
    private void with(Path file, Use use) {
        TrainingRecipe recipe = TrainingRecipe.parse(read(file)).on(device, precision);
        if (recipe.model().isBlank()) {
            throw SlayerException.badRequest("model", file + " names no model: the folder of a checkpoint");
        }
        Path folder = file.toAbsolutePath().getParent();
        Path base = folder.resolve(recipe.model()).normalize();
        checkpoints.open(base, (sources, find) -> {
            try (Tokenizer tokenizer = Tokenizer.load(base)) {
                use.use(
                        recipe,
                        new RunInputs(
                                sources.checkpoint(""),
                                base.getFileName().toString(),
                                name -> find.apply(name).map(Checkpoint::config),
                                sources,
                                new CheckpointCodec(tokenizer, base),
                                folder,
                                "Slayer"));
            }
        });
    }

    /** Runs a recipe; empty if it was stopped before its end. */
    private Optional<RunSummary> run(Path file, RunControl control) {
        String name = name(file);
        Path run = out.resolve(name);
        List<RunSummary> finished = new ArrayList<>();
        boolean watched = PeakMemory.begin();
        with(file, (recipe, inputs) -> {
            err.println(name + ": " + inputs.baseName() + (recipe.layout().isBlank() ? "" : "@" + recipe.layout()));
            try (PeerProcesses.Team team =
                            processes.team(file, run, recipe.run().device());
                    TrainProgress progress = new TrainProgress(err, terminal())) {
                TrainingRun.Outcome outcome =
                        new TrainingRun(recipe, read(file), inputs, run, team.peers(), progress).run(control);
                outcome.delta().ifPresent(output::println);
                output.flush();
                if (outcome.finished()) {
                    OptionalLong peak = progress.made() == 0 ? OptionalLong.empty() : peak(outcome, watched);
                    Path record = team.peers().rank() == 0
                            ? run
                            : run.resolve("rank-" + team.peers().rank());
                    finished.add(new RunSummary(name, progress.trained(), RunRecord.read(record), peak));
                }
            }
        });
        return finished.stream().findFirst();
    }

    /** Of the device if it has memory of its own, else of this process. */
    private static OptionalLong peak(TrainingRun.Outcome outcome, boolean watched) {
        return outcome.deviceBytes().isPresent() || !watched ? outcome.deviceBytes() : PeakMemory.bytes();
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
