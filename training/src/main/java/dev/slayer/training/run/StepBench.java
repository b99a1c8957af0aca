package dev.slayer.training.run;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import dev.slayer.training.torch.Placement;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;

/**
 * Times steps of a recipe over random tokens: forward, back, clipping, AdamW of one micro-batch; no data, no files.
 *
 * @param steps that are timed, after two others
 */
public record StepBench(int steps) {
    private static final int WARMUP = 2;

    /**
     * What was measured.
     *
     * @param trained numbers that are trained
     * @param parameters numbers of the model
     * @param seconds of the median step
     * @param tokens of a step
     * @param utilization floating-point operations of the model in the median step, as a share of what the device's matrix product makes
     * @param deviceBytes most memory of tensors on a CUDA device; empty on the CPU
     */
    public record Result(
            long trained, long parameters, double seconds, long tokens, double utilization, OptionalLong deviceBytes) {
        /** Tokens a second at the median. */
        public double tokensPerSecond() {
            return tokens / seconds;
        }
    }

    /** Measures a recipe over a base; its data is not looked at. */
    public Result measure(TrainingRecipe recipe, RunInputs inputs) {
        LibTorch.start(recipe.run().threads());
        ModelConfig config = inputs.base().config();
        Expansion expansion = recipe.expansion(config, inputs.others());
        int all = WARMUP + steps;
        Method method = MethodPlan.of(recipe.method(), expansion, config.tiedEmbeddings(), all);
        LearningRate rate = new LearningRate(1e-6, 1e-6, 0, all);
        Optimizer.Settings settings = new Optimizer.Settings(AdamW.Settings.PUBLISHED, rate, 1);
        Placement placement = Placement.of(recipe.run().device(), recipe.run().precision(), 0, 1);
        placement.forgetPeak();
        TrainingModel.Options options = new TrainingModel.Options(recipe.run().recompute(), 1, placement);
        try (TrainingModel model =
                        new TrainingModel(inputs.base(), expansion.layout(), inputs.sources(), method, options);
                Optimizer optimizer = new Optimizer(model.parameters(), method, settings)) {
            int rows = recipe.optimizer().microBatch();
            int length = recipe.data().length();
            double median = median(model, optimizer, rows, length, config.vocabularySize());
            OptionalLong peak = placement.peakBytes(); // before the matrix product, which has memory of its own
            long tokens = (long) rows * length;
            double work = Work.of(config, model).of(tokens, length);
            return new Result(
                    model.parameters().size(),
                    Work.parameters(config, model.layout()),
                    median,
                    tokens,
                    work / median / placement.matrixRate(),
                    peak);
        }
    }

    /** Seconds of the median step. */
    private double median(TrainingModel model, Optimizer optimizer, int rows, int length, int vocabulary) {
        Random random = new Random(1);
        double[] seconds = new double[steps];
        for (int step = -WARMUP; step < steps; step++) {
            int[][] tokens = new int[rows][length];
            for (int[] row : tokens) {
                Arrays.setAll(row, _ -> random.nextInt(vocabulary));
            }
            Rows batch = Rows.of(tokens);
            long begun = System.nanoTime();
            var _ = model.train(batch, batch.learned());
            var _ = optimizer.step();
            model.parameters().placement().synchronize();
            if (step >= 0) {
                seconds[step] = (System.nanoTime() - begun) / 1e9;
            }
        }
        Arrays.sort(seconds);
        return seconds[steps / 2];
    }
}
