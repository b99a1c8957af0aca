package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.ParameterCounts;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.training.data.Batch;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.DataPosition;
import dev.slayer.training.data.TrainingData;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/**
 * A run of a training recipe in a folder, from its first step or from the folder's newest checkpoint to its delta. Gone on with, it makes
 * the very steps that it would have made without the break.
 *
 * <p>{@link #run} uses the calling thread, which must be a platform thread and make nothing else with libtorch.
 */
public final class TrainingRun {
    private final TrainingRecipe recipe;
    private final String text;
    private final RunInputs inputs;
    private final Path folder;
    private final Peers peers;
    private final RunListener listener;

    /**
     * How a run ended.
     *
     * @param finished whether it made all its steps; otherwise it was stopped and can be gone on with
     * @param delta the delta's folder, if the run is finished and its method gives one
     */
    public record Outcome(boolean finished, long steps, long tokens, Optional<Path> delta) {}

    /**
     * A run that has not begun.
     *
     * @param text of the recipe
     * @param folder of the run; a run that is there is gone on with
     * @throws SlayerException 400 if the recipe cannot be read
     */
    public TrainingRun(String text, RunInputs inputs, Path folder, Peers peers, RunListener listener) {
        this.recipe = TrainingRecipe.parse(text);
        this.text = text;
        this.inputs = inputs;
        this.folder = folder;
        this.peers = peers;
        this.listener = listener;
    }

    /**
     * Trains.
     *
     * @throws SlayerException 400 if recipe, data and model do not fit each other, 409 if another process trains in the folder, 422 with
     *     code {@code loss_not_finite} if the loss is no number any more, 507 if the device is full
     */
    public Outcome run(RunControl control) {
        LibTorch.start(recipe.run().threads());
        ModelConfig config = inputs.base().config();
        Expansion expansion = expansion(config);
        TrainingData data = TrainingData.open(DataPlan.of(recipe, inputs.dataFolder()), inputs.codec());
        long steps = steps(data, control);
        if (control.stopped() && steps == 0) {
            return new Outcome(false, 0, 0, Optional.empty());
        }
        Method method = MethodPlan.of(recipe.method(), expansion, config.tiedEmbeddings(), steps);
        TrainingModel.Options options =
                new TrainingModel.Options(recipe.run().recompute(), recipe.run().seed());
        try (RunFolder home = RunFolder.open(rankFolder());
                TrainingModel model =
                        new TrainingModel(inputs.base(), expansion.layout(), inputs.sources(), method, options);
                Optimizer optimizer = new Optimizer(model.parameters(), method, settings(steps))) {
            return new Loop(home, data, model, method, optimizer, steps).run(control);
        } catch (IOException e) {
            throw SlayerException.internal("the run in " + folder + " cannot read or write: " + e, e);
        }
    }

    /** The first process keeps the run's record; the others only their place. */
    private Path rankFolder() {
        return peers.rank() == 0 ? folder : folder.resolve("rank-" + peers.rank());
    }

    private Expansion expansion(ModelConfig config) {
        LayoutParameters parameters =
                recipe.layout().isBlank() ? LayoutParameters.of(Map.of()) : LayoutParameters.parse(recipe.layout());
        return parameters.expand(config, Layout.identity(config.layers()), inputs.others());
    }

    /** Steps of the whole run. Where neither steps nor tokens say it, the data is read once to count; 0 if that was stopped. */
    private long steps(TrainingData data, RunControl control) {
        if (recipe.run().steps() > 0) {
            return recipe.run().steps();
        }
        long perStep = (long) recipe.optimizer().batch() * recipe.data().length();
        if (recipe.data().tokens() > 0
                && recipe.data().epochs() == 0
                && !recipe.data().whole()) {
            return Math.ceilDiv(recipe.data().tokens(), perStep);
        }
        long count = 0;
        try (BatchStream stream = data.train()) {
            while (!control.stopped() && stream.next().isPresent()) {
                count++;
            }
        }
        if (control.stopped()) {
            return 0;
        }
        if (count == 0) {
            throw SlayerException.badRequest("data", "the data gives not one batch");
        }
        return count;
    }

    private Optimizer.Settings settings(long steps) {
        TrainingRecipe.OptimizerPart part = recipe.optimizer();
        long warmup = (long) Math.ceil(part.warmupRatio() * steps);
        return new Optimizer.Settings(
                new AdamW.Settings(part.beta1(), part.beta2(), part.epsilon(), part.decay()),
                new LearningRate(part.learningRate(), part.endLearningRate(), warmup, steps),
                part.clip());
    }

    /** A run under way. */
    private final class Loop {
        private final RunFolder home;
        private final TrainingData data;
        private final TrainingModel model;
        private final Method method;
        private final Optimizer optimizer;
        private final long steps;
        private final Work work;
        private final double rate = Work.measuredRate();
        private final String baseHash = CheckpointHash.of(inputs.base());
        private long tokens;
        private Metrics metrics;

        Loop(RunFolder home, TrainingData data, TrainingModel model, Method method, Optimizer optimizer, long steps) {
            this.home = home;
            this.data = data;
            this.model = model;
            this.method = method;
            this.optimizer = optimizer;
            this.steps = steps;
            this.work = Work.of(inputs.base().config(), model);
        }

        Outcome run(RunControl control) throws IOException {
            Optional<RunState> from = restore();
            try (BatchStream stream = stream(from);
                    Metrics opened = new Metrics(home.metrics(), optimizer.steps())) {
                metrics = opened;
                home.write("recipe.yaml", text);
                tell(new RunEvent.Begun(
                        optimizer.steps() + 1,
                        steps,
                        allParameters(),
                        model.parameters().size()));
                if (from.isEmpty()) {
                    validate();
                }
                boolean ended = train(stream, control);
                return end(ended, stream);
            }
        }

        private long allParameters() {
            ParameterCounts counts = inputs.base().config().parameters();
            return counts.total()
                    - counts.layers()
                    + counts.layer() * model.layout().depth();
        }

        private BatchStream stream(Optional<RunState> from) {
            BatchStream whole = from.map(state -> data.train(DataPosition.fromJson(state.position())))
                    .orElseGet(data::train);
            return peers.size() == 1 ? whole : whole.shard(peers.rank(), peers.size());
        }

        /** Steps until all are made, the data ends, or somebody asks to stop; whether the run is finished. */
        private boolean train(BatchStream stream, RunControl control) {
            while (optimizer.steps() < steps) {
                if (peers.sum(control.stopped() ? 1 : 0) > 0) {
                    return false;
                }
                Optional<Batch> batch = stream.next();
                if (batch.isEmpty()) {
                    return true;
                }
                step(batch.get());
                long step = optimizer.steps();
                if (due(step, recipe.run().validateEvery()) && step < steps) {
                    validate();
                }
                if (due(step, recipe.run().checkpointEvery()) && step < steps) {
                    save(stream);
                }
            }
            return true;
        }

        private static boolean due(long step, int every) {
            return every > 0 && step % every == 0;
        }

        private void step(Batch batch) {
            long begun = System.nanoTime();
            int micro = recipe.optimizer().microBatch();
            double targets = (double) Math.max(1, batch.allTargets());
            double sum = 0;
            for (int row = 0; row < batch.rows(); row += micro) {
                Batch part = batch.slice(row, Math.min(batch.rows(), row + micro));
                if (part.targetCount() > 0) {
                    sum += model.train(Rows.of(part), targets).sum();
                }
            }
            double loss = peers.sum(sum) / targets;
            peers.sum(model.parameters().gradients());
            if (!Double.isFinite(loss)) {
                throw refuse(batch, "the loss is " + loss);
            }
            Optimizer.Step made = optimizer.step();
            if (!made.made()) {
                throw refuse(batch, "the gradient's norm is " + made.gradientNorm());
            }
            tokens += batch.allTokens();
            double seconds = (System.nanoTime() - begun) / 1e9;
            tell(new RunEvent.Stepped(
                    made.number(),
                    loss,
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
                    why + " in step " + (optimizer.steps() + 1) + ": nothing was changed by it; its batch is in "
                            + saved + "; go on from the last checkpoint with a lower learning rate or other data",
                    null);
        }

        private void validate() {
            Map<String, Double> losses = new LinkedHashMap<>();
            for (String domain : data.domains()) {
                double sum = 0;
                long learned = 0;
                try (BatchStream stream = data.validation(domain)) {
                    for (Optional<Batch> batch = stream.next(); batch.isPresent(); batch = stream.next()) {
                        for (int row = 0;
                                row < batch.get().rows();
                                row += recipe.optimizer().microBatch()) {
                            Batch part = batch.get()
                                    .slice(
                                            row,
                                            Math.min(
                                                    batch.get().rows(),
                                                    row + recipe.optimizer().microBatch()));
                            if (part.targetCount() > 0) {
                                TrainingModel.Loss loss = model.evaluate(Rows.of(part));
                                sum += loss.sum();
                                learned += loss.learned();
                            }
                        }
                    }
                }
                losses.put(domain, learned == 0 ? 0 : sum / learned);
            }
            if (!losses.isEmpty()) {
                tell(new RunEvent.Validated(optimizer.steps(), losses));
            }
        }

        private Outcome end(boolean finished, BatchStream stream) throws IOException {
            if (finished) {
                validate();
            }
            save(stream);
            if (!finished || peers.rank() > 0) {
                return new Outcome(finished, optimizer.steps(), tokens, Optional.empty());
            }
            Optional<Path> delta = DeltaOf.write(
                    home.path().resolve(RunFolder.DELTA),
                    recipe,
                    text,
                    inputs,
                    model,
                    method,
                    optimizer,
                    tokens,
                    baseHash);
            home.write(
                    "losses.svg",
                    Charts.losses(
                            home.metrics(),
                            inputs.baseName() + " " + model.layout().text()));
            if (!optimizer.ranks().isEmpty()) {
                home.write("ranks.json", RankTable.json(optimizer.ranks()));
                home.write("ranks.svg", Charts.ranks(optimizer.ranks()));
            }
            tell(new RunEvent.Finished(optimizer.steps(), tokens, delta.orElse(null)));
            return new Outcome(true, optimizer.steps(), tokens, delta);
        }

        private void save(BatchStream stream) {
            if (peers.rank() > 0) {
                return;
            }
            RunState state = new RunState(
                    optimizer.steps(),
                    tokens,
                    stream.position().toJson(),
                    optimizer.rankMask(),
                    text,
                    baseHash,
                    Map.of());
            tell(new RunEvent.Saved(
                    optimizer.steps(), home.save(state, vectors(), recipe.run().keep())));
        }

        private Optional<RunState> restore() throws IOException {
            // All processes go on from the first one's checkpoint: their weights are the same.
            RunState state = RunFolder.restore(folder, vectors(), warning -> tell(new RunEvent.Warned(warning)));
            if (state == null) {
                return Optional.empty();
            }
            if (!state.recipe().equals(text) || !state.baseHash().equals(baseHash)) {
                throw new SlayerException(
                        409,
                        "another_run",
                        "out",
                        folder + " holds a run of another "
                                + (state.recipe().equals(text) ? "base checkpoint" : "recipe")
                                + "; go on with the same, or name another folder",
                        null);
            }
            tokens = state.tokens();
            optimizer.resume(state.step(), state.rankMask());
            return Optional.of(state);
        }

        private Map<String, Tensor> vectors() {
            Map<String, Tensor> vectors = new LinkedHashMap<>();
            vectors.put("values", model.parameters().values());
            vectors.putAll(optimizer.state());
            return vectors;
        }

        private void tell(RunEvent event) {
            if (metrics != null) {
                metrics.add(event);
            }
            listener.on(event);
        }
    }

    /** Whether a folder holds a run that can be gone on with. */
    public static boolean begun(Path folder) {
        return Files.isDirectory(folder.resolve("checkpoints"));
    }
}
