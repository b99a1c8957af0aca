package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.TrainingData;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.MemoryShortage;
import dev.slayer.training.torch.Placement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A run of a training recipe in a folder, from its first step or from the folder's newest checkpoint to its delta. Gone on with, it makes
 * the very steps that it would have made without the break.
 *
 * <p>{@link #run} uses the calling thread, which must be a platform thread and make nothing else with libtorch.
 */
public final class TrainingRun {
    private final RunPlan plan;

    /**
     * How a run ended.
     *
     * @param finished whether it made all its steps; otherwise it was stopped and can be gone on with
     * @param delta the delta's folder, if the run is finished and its method gives one
     * @param deviceBytes most memory of tensors on a CUDA device; empty on the CPU
     */
    public record Outcome(boolean finished, long steps, long tokens, Optional<Path> delta, OptionalLong deviceBytes) {}

    /**
     * A run that has not begun.
     *
     * @param text of the recipe
     * @param folder of the run; a run that is there is gone on with
     * @throws SlayerException 400 if the recipe cannot be read
     */
    public TrainingRun(String text, RunInputs inputs, Path folder, Peers peers, RunListener listener) {
        this(TrainingRecipe.parse(text), text, inputs, folder, peers, listener);
    }

    /**
     * A run whose recipe was read already, and perhaps put on another device.
     *
     * @param text as it was given: what is kept with the run, and must be the same to go on with it
     */
    public TrainingRun(
            TrainingRecipe recipe, String text, RunInputs inputs, Path folder, Peers peers, RunListener listener) {
        plan = new RunPlan(recipe, text, inputs, folder, peers, listener);
    }

    /**
     * Trains.
     *
     * @throws SlayerException 400 if recipe, data and model do not fit each other, 409 if another process trains in the folder, 422 with
     *     code {@code loss_not_finite} if the loss is no number any more, 507 if the disk is full or there is no memory
     */
    public Outcome run(RunControl control) {
        TrainingRecipe recipe = plan.recipe();
        RunInputs inputs = plan.inputs();
        LibTorch.start(recipe.run().threads());
        Placement placement = Placement.of(
                recipe.run().device(),
                recipe.run().precision(),
                plan.peers().rank(),
                plan.peers().size());
        ModelConfig config = inputs.base().config();
        Expansion expansion = recipe.expansion(config, inputs.others());
        TrainingData data = TrainingData.open(DataPlan.of(recipe, inputs.dataFolder()), inputs.codec());
        long steps = steps(data, control);
        if (control.stopped() && steps == 0) {
            return new Outcome(false, 0, 0, Optional.empty(), OptionalLong.empty());
        }
        Method method = MethodPlan.of(recipe.method(), expansion, config.tiedEmbeddings(), steps);
        MethodPlan.leftOut(recipe.method(), expansion, config.tiedEmbeddings())
                .ifPresent(what -> plan.listener().on(new RunEvent.Warned(what)));
        try (DeviceStay _ = new DeviceStay(inputs.device(), placement)) {
            return made(placement, expansion.layout(), data, method, steps, control);
        } catch (RuntimeException e) {
            throw MemoryShortage.explained(e, placement);
        }
    }

    private Outcome made(
            Placement placement, Layout layout, TrainingData data, Method method, long steps, RunControl control) {
        TrainingRecipe.RunPart run = plan.recipe().run();
        RunInputs inputs = plan.inputs();
        double rate = placement.matrixRate(); // first: later the memory is the model's
        placement.giveBack();
        TrainingModel.Options options = new TrainingModel.Options(run.recompute(), run.seed(), placement);
        try (RunFolder home = RunFolder.open(plan.rankFolder());
                TrainingModel model = new TrainingModel(inputs.base(), layout, inputs.sources(), method, options);
                Optimizer optimizer = new Optimizer(model.parameters(), method, settings(steps))) {
            return new RunLoop(plan, home, data, model, method, optimizer, steps, rate).run(control);
        } catch (IOException e) {
            throw SlayerException.internal("the run in " + plan.folder() + " cannot read or write: " + e, e);
        }
    }

    /** Steps of the whole run. Where neither steps nor tokens say it, the data is read once to count; 0 if that was stopped. */
    private long steps(TrainingData data, RunControl control) {
        TrainingRecipe recipe = plan.recipe();
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
        TrainingRecipe.OptimizerPart part = plan.recipe().optimizer();
        long warmup = (long) Math.ceil(part.warmupRatio() * steps);
        return new Optimizer.Settings(
                new AdamW.Settings(part.beta1(), part.beta2(), part.epsilon(), part.decay()),
                new LearningRate(part.learningRate(), part.endLearningRate(), warmup, steps),
                part.clip());
    }

    /** Whether a folder holds a run that can be gone on with. */
    public static boolean begun(Path folder) {
        return Files.isDirectory(folder.resolve("checkpoints"));
    }
}
