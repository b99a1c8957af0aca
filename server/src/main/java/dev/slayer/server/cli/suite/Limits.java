package dev.slayer.server.cli.suite;

import java.util.OptionalDouble;

/**
 * What a device can do at best, as measured there.
 *
 * @param bytesPerSecond that copies within its memory move, read and written ones together; empty if that was not measured
 * @param operationsPerSecond floating-point operations of a large matrix product; empty likewise
 */
record Limits(OptionalDouble bytesPerSecond, OptionalDouble operationsPerSecond) {
    static final Limits UNKNOWN = new Limits(OptionalDouble.empty(), OptionalDouble.empty());

    /** Whether both are known. */
    boolean known() {
        return bytesPerSecond.isPresent() && operationsPerSecond.isPresent();
    }

    /** Least time for work that must move bytes and compute: whichever takes longer. */
    double seconds(Cost cost) {
        return Math.max(
                cost.bytes() / bytesPerSecond.orElseThrow(), cost.operations() / operationsPerSecond.orElseThrow());
    }

    /** A rate beside the highest that is possible, if that is known. */
    Figure beside(Figure figure, double amount, Cost cost) {
        return known() ? figure.within(amount / seconds(cost)) : figure;
    }
}
