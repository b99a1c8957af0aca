package dev.slayer.training.model;

import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Leaves numbers out at random, and makes the rest larger by as much. What is left out depends on the run's seed, the pass and the slot
 * only: the same when a slot is computed again on the way back, and when a run is gone on with.
 */
final class Dropout {
    private final double share;
    private final long seed;
    private long pass;
    private boolean on;

    /** @param share from 0 to below 1 */
    Dropout(double share, long seed) {
        this.share = share;
        this.seed = seed;
    }

    /**
     * A pass of training begins.
     *
     * @param number of the pass in its run
     */
    void begin(long number) {
        pass = number;
        on = share > 0;
    }

    /** From now on nothing is left out. */
    void end() {
        on = false;
    }

    /** A slot is about to be computed. */
    void slot(int slot) {
        if (on) {
            torch.manual_seed(mixed(mixed(mixed(seed) + pass) + slot));
        }
    }

    /** What is left of some numbers. */
    Tensor of(Tensor x) {
        return on ? torch.dropout(x, share, true) : x;
    }

    /** The finalizer of SplitMix64 (Steele, Lea and Flood, 2014): neighbours become strangers. */
    private static long mixed(long value) {
        long z = value + 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
