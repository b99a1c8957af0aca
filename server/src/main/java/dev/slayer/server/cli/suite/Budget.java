package dev.slayer.server.cli.suite;

import java.time.Duration;

/**
 * Time that a measurement may take.
 *
 * @param deadlineNanos of System.nanoTime()
 */
record Budget(long deadlineNanos) {
    /** From now on. */
    static Budget of(Duration time) {
        return new Budget(System.nanoTime() + time.toNanos());
    }

    /** What is left; 0 if it is over. */
    long leftNanos() {
        return Math.max(0, deadlineNanos - System.nanoTime());
    }

    /** An equal share of what is left, where so many measurements are still to come. */
    Budget share(int parts) {
        return new Budget(System.nanoTime() + leftNanos() / parts);
    }

    boolean over() {
        return leftNanos() == 0;
    }
}
