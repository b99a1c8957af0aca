package dev.slayer.training.run;

import java.nio.file.Path;
import java.util.Map;

/** What a run tells while it goes. */
public sealed interface RunEvent {
    /**
     * Everything is loaded.
     *
     * @param firstStep the step that comes next, from 1; more than 1 if a run is gone on with
     * @param steps of the whole run
     * @param parameters numbers of the model
     * @param trained how many of them are trained
     */
    record Begun(long firstStep, long steps, long parameters, long trained) implements RunEvent {}

    /**
     * A step was made.
     *
     * @param loss mean over the learned tokens of the step, before it
     * @param accuracy share of these tokens that the model held for the likeliest
     * @param tokens of the run so far, padding not counted
     * @param tokensPerSecond of this step
     * @param utilization floating-point operations of the model in this step, as a share of what this machine's matrix product makes
     */
    record Stepped(
            long step,
            double loss,
            double accuracy,
            double learningRate,
            double gradientNorm,
            long tokens,
            double seconds,
            double tokensPerSecond,
            double utilization)
            implements RunEvent {}

    /**
     * Held-back data was looked at.
     *
     * @param step after which; 0 before the first
     * @param losses mean loss of a learned token by domain
     * @param accuracies share of the learned tokens that the model held for the likeliest, by domain
     */
    record Validated(long step, Map<String, Double> losses, Map<String, Double> accuracies) implements RunEvent {
        public Validated {
            losses = Map.copyOf(losses);
            accuracies = Map.copyOf(accuracies);
        }
    }

    /** A checkpoint is on the device. */
    record Saved(long step, Path folder) implements RunEvent {}

    /** Something is wrong that the run goes on with. */
    record Warned(String message) implements RunEvent {}

    /** The delta is on the device. */
    record Finished(long steps, long tokens, Path delta) implements RunEvent {}
}
