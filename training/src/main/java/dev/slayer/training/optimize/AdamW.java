package dev.slayer.training.optimize;

import dev.slayer.training.model.Parameters;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019), over the one vector that {@link Parameters} are. A piece of the
 * vector at a time, small enough to stay in a cache. The training thread only.
 */
public final class AdamW implements AutoCloseable {
    private static final long PIECE = 1 << 18;
    /** A CUDA device has no use for small ones. */
    private static final long PIECE_ON_DEVICE = 1 << 26;

    private final Parameters parameters;
    private final Settings settings;
    private final Tensor mean;
    private final Tensor square;
    private long steps;

    /**
     * What stays the same for a whole run.
     *
     * @param beta1 how much of the mean of the gradients is kept at a step
     * @param beta2 how much of the mean of their squares
     * @param epsilon added to the root of the latter
     * @param decay what a step takes of a weight, times the learning rate
     */
    public record Settings(double beta1, double beta2, double epsilon, double decay) {
        /** The paper's: 0.9, 0.95, decay 0.1. */
        public static final Settings PUBLISHED = new Settings(0.9, 0.95, 1e-8, 0.1);
    }

    /** An optimizer that has seen nothing yet. */
    public AdamW(Parameters parameters, Settings settings) {
        this.parameters = parameters;
        this.settings = settings;
        this.mean = parameters.zeros();
        try {
            this.square = parameters.zeros();
        } catch (RuntimeException e) {
            mean.close();
            throw e;
        }
    }

    /** Makes a step of what the gradients now are. */
    public void step(double learningRate) {
        steps++;
        long decaying = parameters.decaying();
        long most = parameters.placement().cuda() ? PIECE_ON_DEVICE : PIECE;
        try (NoGradGuard _ = new NoGradGuard()) {
            for (long from = 0; from < parameters.size(); ) {
                long end = from < decaying ? decaying : parameters.size();
                long count = Math.min(most, end - from);
                piece(from, count, learningRate, from < decaying ? settings.decay() : 0);
                from += count;
            }
        }
    }

    private void piece(long from, long count, double learningRate, double decay) {
        try (PointerScope _ = new PointerScope()) {
            Tensor value = parameters.values().narrow(0, from, count);
            Tensor gradient = parameters.gradients().narrow(0, from, count);
            Tensor m = mean.narrow(0, from, count);
            Tensor v = square.narrow(0, from, count);
            var _ = m.lerp_(gradient, new Scalar(1 - settings.beta1()));
            var _ = v.mul_(new Scalar(settings.beta2())).addcmul_(gradient, gradient, new Scalar(1 - settings.beta2()));
            double correction1 = 1 - Math.pow(settings.beta1(), (double) steps);
            double correction2 = 1 - Math.pow(settings.beta2(), (double) steps);
            Tensor root = v.sqrt().div_(new Scalar(Math.sqrt(correction2))).add_(new Scalar(settings.epsilon()));
            if (decay != 0) {
                var _ = value.mul_(new Scalar(1 - learningRate * decay));
            }
            var _ = value.addcdiv_(m, root, new Scalar(-learningRate / correction1));
        }
    }

    /** Steps so far. */
    public long steps() {
        return steps;
    }

    /** The running mean of the gradients: [size of the parameters]. */
    public Tensor mean() {
        return mean;
    }

    /** The running mean of their squares: [size of the parameters]. */
    public Tensor square() {
        return square;
    }

    /** Goes on from a checkpoint whose means were copied into {@link #mean} and {@link #square}. */
    public void resume(long steps) {
        this.steps = steps;
    }

    @Override
    public void close() {
        mean.close();
        square.close();
    }
}
