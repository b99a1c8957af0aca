package dev.slayer.training.model;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.training.torch.Placement;
import dev.slayer.training.torch.Tensors;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * From the rows after the last slot to the loss: final norm, language-model head, cross entropy. Only rows with a learned target
 * are taken, some thousand numbers of a vocabulary at a time, so memory does not grow with tokens times vocabulary.
 */
final class LossHead {
    /** Logits at a time: 64 MiB of float32, and three times that on the way back. */
    private static final long LOGITS = 1 << 24;
    /** On a CUDA device, where a product of few rows would wait for the head's weights. */
    private static final long LOGITS_ON_DEVICE = 1 << 26;
    /** Sum instead of mean, as libtorch numbers it. */
    private static final long SUM = 2;

    private final ModelConfig config;
    private final Parameters parameters;
    private final FrozenWeights frozen;
    private final Placement placement;
    private final int rowsAtATime;

    LossHead(ModelConfig config, Parameters parameters, FrozenWeights frozen) {
        this.config = config;
        this.parameters = parameters;
        this.frozen = frozen;
        this.placement = parameters.placement();
        this.rowsAtATime =
                Math.clamp((placement.cuda() ? LOGITS_ON_DEVICE : LOGITS) / config.vocabularySize(), 16, 1 << 16);
    }

    /** What is done with some of the rows that have a learned target. */
    private interface Piece {
        /**
         * Takes some rows.
         *
         * @param places in the batch: [count]
         * @param rows after the last slot: [count, hidden]
         * @param targets [count]
         */
        void take(Tensor places, Tensor rows, Tensor targets);
    }

    /**
     * Adds the head's own gradients, and writes that of the rows.
     *
     * @param top rows after the last slot: [rows, length, hidden]
     * @param gradient of them, 0 at first; null if nobody below the head is trained
     * @return sum of the losses, undivided, and how often the likeliest token was the target: two float64 numbers, where the model is
     */
    Tensor train(Tensor top, Rows rows, double divisor, Tensor gradient) {
        Tensor sums = placement.of(new double[] {0, 0});
        boolean wanted = gradient != null || parameters.has(TensorNames.HEAD) || parameters.has(TensorNames.FINAL_NORM);
        each(top, rows, (places, taken, targets) -> {
            Tensor leaf = taken.detach().set_requires_grad(gradient != null);
            Tensor logits = logits(leaf);
            Tensor loss = torch.cross_entropy_loss(logits, targets, new TensorOptional(), SUM, Rows.IGNORED, 0);
            var _ = sums.narrow(0, 0, 1).add_(loss.detach());
            var _ = sums.narrow(0, 1, 1).add_(correct(logits, targets));
            if (wanted) {
                loss.div(new Scalar(divisor)).backward();
            }
            if (gradient != null) {
                var _ = gradient.view(-1, config.hiddenSize()).index_copy_(0, places, leaf.grad());
            }
        });
        return sums;
    }

    /** How often the likeliest token is the target: one number. */
    private static Tensor correct(Tensor logits, Tensor targets) {
        return logits.detach().argmax(new LongOptional(-1), false).eq(targets).sum();
    }

    /**
     * What a model says of rows.
     *
     * @param logProbabilities of the learned targets, in the order of the rows
     * @param correct how often the likeliest token was the target
     */
    record Scores(float[] logProbabilities, long correct) {}

    Scores scores(Tensor top, Rows rows) {
        float[] all = new float[rows.learned()];
        int[] done = new int[1];
        long[] correct = new long[1];
        try (NoGradGuard _ = new NoGradGuard()) {
            each(top, rows, (places, taken, targets) -> {
                Tensor logits = logits(taken);
                Tensor chosen = torch.log_softmax(logits, -1).gather(-1, targets.unsqueeze(1));
                float[] values = Tensors.floats(chosen);
                System.arraycopy(values, 0, all, done[0], values.length);
                done[0] += values.length;
                correct[0] += correct(logits, targets).item_long();
            });
        }
        return new Scores(all, correct[0]);
    }

    private Tensor logits(Tensor rows) {
        Tensor norm = parameters.has(TensorNames.FINAL_NORM) ? parameters.leaf(TensorNames.FINAL_NORM) : frozen.norm();
        Tensor normed = DecoderBlock.norm(config, rows, placement.computing(norm));
        return placement.full(torch.linear(normed, placement.computing(head())));
    }

    private Tensor head() {
        if (parameters.has(TensorNames.HEAD)) {
            return parameters.leaf(TensorNames.HEAD);
        }
        return config.tiedEmbeddings() && parameters.has(TensorNames.EMBEDDING)
                ? parameters.leaf(TensorNames.EMBEDDING)
                : frozen.head();
    }

    private void each(Tensor top, Rows rows, Piece piece) {
        Tensor flat = top.detach().view(-1, config.hiddenSize());
        long[] places = new long[rows.learned()];
        int learned = 0;
        for (int i = 0; i < rows.targets().length; i++) {
            if (rows.targets()[i] != Rows.IGNORED) {
                places[learned++] = i;
            }
        }
        for (int from = 0; from < learned; from += rowsAtATime) {
            int first = from;
            int count = Math.min(rowsAtATime, learned - from);
            Scoped.run(() -> {
                long[] some = new long[count];
                long[] targets = new long[count];
                for (int i = 0; i < count; i++) {
                    some[i] = places[first + i];
                    targets[i] = rows.targets()[(int) some[i]];
                }
                Tensor at = placement.of(some, count);
                piece.take(at, flat.index_select(0, at), placement.of(targets, count));
            });
        }
    }
}
