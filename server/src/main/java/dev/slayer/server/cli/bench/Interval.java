package dev.slayer.server.cli.bench;

import java.util.Comparator;
import java.util.List;

/**
 * A piece of time.
 *
 * @param from System.nanoTime()
 * @param to System.nanoTime(), not before from
 */
record Interval(long from, long to) {
    /** Length in nanoseconds. */
    long nanos() {
        return to - from;
    }

    /** Length in milliseconds. */
    double millis() {
        return nanos() / 1e6;
    }

    /** Nanoseconds that at least one of the intervals covers. */
    static long covered(List<Interval> intervals) {
        if (intervals.isEmpty()) {
            return 0;
        }
        long origin = intervals.getFirst().from();
        List<Interval> sorted = intervals.stream()
                .sorted(Comparator.comparingLong(interval -> interval.from() - origin))
                .toList();
        long covered = 0;
        long end = sorted.getFirst().from();
        for (Interval interval : sorted) {
            if (interval.to() - end > 0) {
                covered += interval.to() - (interval.from() - end > 0 ? interval.from() : end);
                end = interval.to();
            }
        }
        return covered;
    }
}
