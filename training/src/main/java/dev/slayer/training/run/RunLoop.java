package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.training.data.Batch;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.DataPosition;
import dev.slayer.training.data.TrainingData;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.Optimizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A run under way: step after step, with validations and checkpoints between, to the delta. Used once. */
final class RunLoop {
    /** More than a step of a process has. */
    private static final long PASSES = 1 << 20;

    private final RunPlan plan;
    private final RunFolder home;
    private final TrainingData data;
    private final TrainingModel model;
    private final Method method;
    private final Optimizer optimizer;
    private final long steps;
    private final Validation validation;
    private final RunCheckpoints checkpoints;
    private final Work work;
    private final double rate;
    private final String baseHash;
    private long tokens;
    private Metrics metrics;

    /**
     * @param steps of the whole run
     * @param rate operations a second of the device's matrix product
     */
    RunLoop(
            RunPlan plan,
            RunFolder home,
            TrainingData data,
            TrainingModel model,
            Method method,
            Optimizer optimizer,
            long steps,
            double rate) {
        this.plan = plan;
        this.home = home;
        this.data = data;
        this.model = model;
        this.method = method;
        this.optimizer = optimizer;
        this.steps = steps;
        this.rate = rate;
        model.parameters().placement().forgetPeak();
        this.validation = new Validation(
                data,
                model,
                plan.recipe().optimizer().microBatch(),
                plan.inputs().device());
        this.baseHash = CheckpointHash.of(plan.inputs().base());
        this.checkpoints = new RunCheckpoints(plan, home, model, optimizer, baseHash);
        this.work = Work.of(plan.inputs().base().config(), model);
    }

    TrainingRun.Outcome run(RunControl control) throws IOException {
        Optional<RunState> from = checkpoints.restore(warning -> tell(new RunEvent.Warned(warning)));
        tokens = from.map(RunState::tokens).orElse(0L);
        try (Metrics opened = new Metrics(home.metrics(), optimizer.steps())) {
            metrics = opened;
            home.write("recipe.yaml", plan.text());
            tell(new RunEvent.Begun(
                    optimizer.steps() + 1,
                    steps,
                    Work.parameters(plan.inputs().base().config(), model.layout()),
                    model.parameters().size()));
            if (from.map(RunState::finished).orElse(false)) {
                return result();
            }
            if (from.isEmpty()) {
                validate();
            }
            try (BatchStream stream = stream(from)) {
                boolean finished = train(stream, control);
                if (finished) {
                    validate();
                }
                save(stream, finished);
                return finished ? result() : outcome(false, Optional.empty());
            }
        }
    }

    private BatchStream stream(Optional<RunState> from) {
        BatchStream whole = from.map(state -> data.train(DataPosition.fromJson(state.position())))
                .orElseGet(data::train);
        Peers peers = plan.peers();
        return peers.size() == 1 ? whole : whole.shard(peers.rank(), peers.size());
    }

    /** Steps until all are made, the data ends, or somebody asks to stop; whether the run is finished. */
    private boolean train(BatchStream stream, RunControl control) {
        TrainingRecipe.RunPart run = plan.recipe().run();
        while (optimizer.steps() < steps) {
            if (plan.peers().sum(control.stopped() ? 1 : 0) > 0) {
                return false;
            }
            Optional<Batch> batch = plan.inputs().device().apart(stream::next);
            if (batch.isEmpty()) {
                return true;
            }
            step(batch.get());
            long step = optimizer.steps();
            if (due(step, run.validateEvery()) && step < steps) {
                validate();
            }
            if (due(step, run.checkpointEvery()) && step < steps) {
                save(stream, false);
            }
        }
        return true;
    }

    private static boolean due(long step, int every) {
        return every > 0 && step % every == 0;
    }

    private void step(Batch batch) {
        long begun = System.nanoTime();
        double targets = (double) Math.max(1, batch.allTargets());
        double sum = 0;
        long right = 0;
        long pass = (optimizer.steps() * plan.peers().size() + plan.peers().rank()) * PASSES;
        for (Batch part : batch.parts(plan.recipe().optimizer().microBatch())) {
            TrainingModel.Loss found = model.train(Rows.of(part), targets, pass++);
            sum += found.sum();
            right += found.correct();
        }
        double loss = plan.peers().sum(sum) / targets;
        double accuracy = plan.peers().sum((double) right) / targets;
        plan.peers().sum(model.parameters().gradients());
        if (!Double.isFinite(loss)) {
            throw refuse(batch, "the loss is " + loss);
        }
        Optimizer.Step made = optimizer.step();
        if (!made.made()) {
            throw refuse(batch, "the gradient's norm is " + made.gradientNorm());
        }
        tokens += batch.allTokens();
        model.parameters().placement().synchronize();
        double seconds = (System.nanoTime() - begun) / 1e9;
        tell(new RunEvent.Stepped(
                made.number(),
                loss,
                accuracy,
                made.learningRate(),
                made.gradientNorm(),
                tokens,
                seconds,
                batch.allTokens() / seconds,
                work.of(batch.allTokens(), batch.length()) / seconds / rate));
    }

    private SlayerException refuse(Batch batch, String why) {
        Path saved = home.path().resolve("refused-batch.json");
        try {
            home.write("refused-batch.json", RefusedBatch.json(batch, optimizer.steps() + 1));
        } catch (IOException e) {
            return SlayerException.internal(why + ", and the batch could not be saved: " + e, e);
        }
        return new SlayerException(
                422,
                "loss_not_finite",
                "learning_rate",
                why + " in step " + (optimizer.steps() + 1) + ": nothing was changed by it; its batch is in " + saved
                        + "; go on from the last checkpoint with a lower learning rate or other data",
                null);
    }

    private void validate() {
        validation.after(optimizer.steps()).ifPresent(this::tell);
    }

    private void save(BatchStream stream, boolean finished) {
        if (plan.peers().rank() == 0) {
            Path saved = checkpoints.save(tokens, stream.position().toJson(), finished);
            tell(new RunEvent.Saved(optimizer.steps(), saved));
        }
    }

    /** What a run has made that is at its end: its delta and its pictures, if they are not there yet. */
    private TrainingRun.Outcome result() throws IOException {
        if (plan.peers().rank() > 0) {
            return outcome(true, Optional.empty());
        }
        Optional<Path> delta = DeltaOf.write(
                home.path().resolve(RunFolder.DELTA),
                plan.recipe(),
                plan.text(),
                plan.inputs(),
                model,
                method,
                optimizer,
                tokens,
                baseHash);
        String title = plan.inputs().baseName() + " " + model.layout().text();
        home.write("losses.svg", Charts.losses(RunRecord.read(home.path()), title));
        if (!optimizer.ranks().isEmpty()) {
            home.write("ranks.json", RankTable.json(optimizer.ranks()));
            home.write("ranks.svg", Charts.ranks(optimizer.ranks()));
        }
        tell(new RunEvent.Finished(optimizer.steps(), tokens, delta.orElse(null)));
        return outcome(true, delta);
    }

    private TrainingRun.Outcome outcome(boolean finished, Optional<Path> delta) {
        return new TrainingRun.Outcome(
                finished,
                optimizer.steps(),
                tokens,
                delta,
                model.parameters().placement().peakBytes());
    }

    private void tell(RunEvent event) {
        if (metrics != null) {
            metrics.add(event);
        }
        plan.listener().on(event);
    }
}
