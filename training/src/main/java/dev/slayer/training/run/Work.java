package dev.slayer.training.run;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.ParameterCounts;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.training.model.TrainingModel;

/**
 * The work of a model in training, in floating-point operations: what the model needs, not what is done again to save memory. Two for
 * each number of a matrix forward, two back to its input where something below is trained, two to its own gradient where it is trained;
 * attention over half of the row on average.
 *
 * @param perToken of matrices and head
 * @param perTokenAndPosition of attention: times the row's length
 */
record Work(double perToken, double perTokenAndPosition) {
    static Work of(ModelConfig config, TrainingModel model) {
        ParameterCounts counts = config.parameters();
        long layer = counts.layer();
        long head = (long) config.vocabularySize() * config.hiddenSize();
        int depth = model.layout().depth();
        int passedBack = depth - model.lowestTrained();
        double matrices = 2.0 * (depth * (double) layer + head)
                + 2.0 * (passedBack * (double) layer + (passedBack > 0 ? head : 0))
                + 2.0 * model.parameters().size();
        double attention = 2.0 * 2 * config.queryWidth() * 0.5 * (depth + 2.0 * passedBack);
        return new Work(matrices, attention);
    }

    /** Numbers of a model whose stack is a layout over a base. */
    static long parameters(ModelConfig base, Layout layout) {
        ParameterCounts counts = base.parameters();
        return counts.total() - counts.layers() + counts.layer() * layout.depth();
    }

    /** Of so many tokens in rows of a length. */
    double of(long tokens, int length) {
        return tokens * (perToken + perTokenAndPosition * length);
    }
}
