package dev.slayer.training.optimize;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Parameters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * What happens between the gradients of a step and the next weights: the method's own term, clipping, AdamW, the method's own rule.
 * Owner of all that has to be remembered from step to step. The training thread only.
 */
public final class Optimizer implements AutoCloseable {
    private final Parameters parameters;
    private final Settings settings;
    private final AdamW adam;
    private final Optional<RankAllocator> ranks;

    /**
     * What stays the same for a whole run.
     *
     * @param clip longest gradient (Euclidean norm over all parameters); longer ones are shortened to it
     */
    public record Settings(AdamW.Settings adam, LearningRate learningRate, double clip) {
        public Settings {
            if (!(clip > 0)) {
                throw new IllegalArgumentException("clip=" + clip + " must be over 0");
            }
        }
    }

    /**
     * A step that was made.
     *
     * @param number from 1
     * @param gradientNorm before clipping; NaN or infinite if the step was refused, then nothing has changed
     */
    public record Step(long number, double learningRate, double gradientNorm) {
        /** Whether the weights are new. */
        public boolean made() {
            return Double.isFinite(gradientNorm);
        }
    }

    /** An optimizer that has made no step yet. */
    public Optimizer(Parameters parameters, Method method, Settings settings) {
        this.parameters = parameters;
        this.settings = settings;
        this.adam = new AdamW(parameters, settings.adam());
        try {
            this.ranks = method instanceof Method.Adaptive adaptive
                    ? Optional.of(new RankAllocator(
                            adaptive, parameters, settings.learningRate().steps()))
                    : Optional.empty();
        } catch (RuntimeException e) {
            adam.close();
            throw e;
        }
    }

    /** Makes a step of the gradients that have been gathered, and clears them. */
    public Step step() {
        double rate = settings.learningRate().at(adam.steps());
        ranks.ifPresent(RankAllocator::regularize);
        double norm = clip();
        if (Double.isFinite(norm)) {
            adam.step(rate);
            ranks.ifPresent(allocator -> allocator.update(adam.steps()));
        }
        parameters.clearGradients();
        return new Step(adam.steps(), rate, norm);
    }

    private double clip() {
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            double norm = parameters.gradients().norm().item_double();
            if (norm > settings.clip() && Double.isFinite(norm)) {
                var _ = parameters.gradients().mul_(new Scalar(settings.clip() / norm));
            }
            return norm;
        }
    }

    /** Steps so far. */
    public long steps() {
        return adam.steps();
    }

    /** What AdaLoRA has left of each matrix, by slot; empty for other methods. */
    public Map<Integer, Map<LayerTensor, Integer>> ranks() {
        return ranks.map(RankAllocator::ranks).orElse(Map.of());
    }

    /**
     * All that it remembers, beside the steps and the parameters: vectors by name. Written to, they change it: to go on from a
     * checkpoint, copy into them, then call {@link #resume}.
     */
    public Map<String, Tensor> state() {
        Map<String, Tensor> state = new LinkedHashMap<>();
        state.put("adam.mean", adam.mean());
        state.put("adam.square", adam.square());
        ranks.ifPresent(allocator -> {
            state.put("ranks.sensitivity", allocator.sensitivity());
            state.put("ranks.uncertainty", allocator.uncertainty());
        });
        return state;
    }

    /** Which entries AdaLoRA has left, for {@link #resume}; empty for other methods. */
    public float[] rankMask() {
        return ranks.map(RankAllocator::mask).orElse(new float[0]);
    }

    /** Goes on after so many steps, when {@link #state} has been written. */
    public void resume(long steps, float[] rankMask) {
        adam.resume(steps);
        ranks.ifPresent(allocator -> allocator.mask(rankMask));
    }

    @Override
    public void close() {
        adam.close();
        ranks.ifPresent(RankAllocator::close);
    }
}
