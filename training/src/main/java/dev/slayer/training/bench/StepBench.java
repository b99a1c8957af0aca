package dev.slayer.training.bench;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.optimize.AdamW;
import dev.slayer.training.optimize.LearningRate;
import dev.slayer.training.optimize.Optimizer;
import dev.slayer.training.torch.LibTorch;
import java.util.Arrays;
import java.util.Random;

/**
 * Times steps over random tokens: forward, back, clipping, AdamW; no data, no files.
 *
 * @param rows of a step
 * @param length tokens of a row
 * @param steps that are timed, after {@code warmup} others
 * @param threads of libtorch; 0 for all cores
 */
public record StepBench(int rows, int length, int warmup, int steps, int threads, boolean recompute) {
    /**
     * What was measured.
     *
     * @param trained numbers that are trained
     * @param seconds of the median step
     * @param fastest seconds of the fastest step
     * @param loss of the last step
     */
    public record Result(long trained, double seconds, double fastest, double loss) {
        /** Tokens a second at the median. */
        public double tokensPerSecond(StepBench bench) {
            return bench.rows * (double) bench.length / seconds;
        }
    }

    /** Measures a method over a layout. The checkpoint must stay open. */
    public Result measure(Checkpoint base, Layout layout, Method method) {
        LibTorch.start(threads);
        TrainingModel.Options options = new TrainingModel.Options(recompute, 1);
        LearningRate rate = new LearningRate(1e-5, 1e-5, 0, warmup + (long) steps);
        Optimizer.Settings settings = new Optimizer.Settings(AdamW.Settings.PUBLISHED, rate, 1);
        try (TrainingModel model = new TrainingModel(base, layout, _ -> base, method, options);
                Optimizer optimizer = new Optimizer(model.parameters(), method, settings)) {
            Random random = new Random(1);
            double[] seconds = new double[steps];
            double loss = 0;
            for (int step = 0; step < warmup + steps; step++) {
                Rows batch = batch(random, base.config().vocabularySize());
                long begun = System.nanoTime();
                loss = model.train(batch, batch.learned()).mean();
                var _ = optimizer.step();
                if (step >= warmup) {
                    seconds[step - warmup] = (System.nanoTime() - begun) / 1e9;
                }
            }
            Arrays.sort(seconds);
            return new Result(model.parameters().size(), seconds[steps / 2], seconds[0], loss);
        }
    }

    private Rows batch(Random random, int vocabulary) {
        int[][] tokens = new int[rows][length];
        for (int[] row : tokens) {
            Arrays.setAll(row, _ -> random.nextInt(vocabulary));
        }
        return Rows.of(tokens);
    }
}
