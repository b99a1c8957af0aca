package dev.slayer.training.optimize;

/**
 * The learning rate's course: up in a straight line during the warm-up, then down along half a cosine.
 *
 * @param peak highest rate
 * @param end lowest rate, reached at the last step
 * @param warmup steps on the way up
 * @param steps of the whole run
 */
public record LearningRate(double peak, double end, long warmup, long steps) {
    public LearningRate {
        if (!(peak > 0) || !(end >= 0) || end > peak) {
            throw new IllegalArgumentException(
                    "the learning rate must fall from a peak over 0, not from " + peak + " to " + end);
        }
        if (steps < 1 || warmup < 0 || warmup > steps) {
            throw new IllegalArgumentException("warmup=" + warmup + " must be from 0 to steps=" + steps);
        }
    }

    /** A course whose warm-up is a share of it, and which ends at 0. */
    public static LearningRate of(double peak, double warmupRatio, long steps) {
        return new LearningRate(peak, 0, (long) Math.ceil(warmupRatio * steps), steps);
    }

    /**
     * The rate of a step.
     *
     * @param step from 0; beyond the end it is that of the end
     */
    public double at(long step) {
        if (step < warmup) {
            return peak * (step + 1) / warmup;
        }
        double progress = Math.min(1, (step - warmup) / (double) Math.max(1, steps - warmup));
        return end + (peak - end) * (1 + Math.cos(Math.PI * progress)) / 2;
    }
}
