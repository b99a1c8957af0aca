package dev.slayer.server.cli.suite;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.List;

/**
 * The time in which all sequences of a load only generate: from the last one's first token, some steps later, to the earliest end.
 *
 * @param seconds of it
 * @param tokens that came in it
 * @param steps of the engine in it
 * @param rows of KV that a step reads, all sequences together, on average
 */
record DecodeWindow(double seconds, long tokens, int steps, double rows) {
    private static final int LEAST_STEPS = 4;
    private static final int MOST_SKIPPED = 32; // a block is recorded after 16, and recording takes its time

    /** @throws SlayerException if there is no such time, or too little */
    static DecodeWindow of(List<Trace> traces) {
        long first = Long.MIN_VALUE;
        long last = Long.MAX_VALUE;
        for (Trace trace : traces) {
            long[] times = trace.times();
            if (times.length < 2) {
                throw tooShort(traces.size(), 0);
            }
            first = Math.max(first, times[0]);
            last = Math.min(last, times[times.length - 1]);
        }
        long[] steps = traces.getFirst().times();
        int from = after(steps, first);
        int to = after(steps, last);
        from += Math.min(MOST_SKIPPED, (to - from) / 3);
        if (to - from < LEAST_STEPS) {
            throw tooShort(traces.size(), Math.max(0, to - from));
        }
        return between(traces, steps[from - 1], last, to - from);
    }

    private static DecodeWindow between(List<Trace> traces, long begin, long end, int steps) {
        long tokens = 0;
        double rows = 0;
        for (Trace trace : traces) {
            int before = after(trace.times(), begin);
            int upTo = after(trace.times(), end);
            tokens += upTo - before;
            rows += trace.request().prompt().length + (before + upTo) / 2.0;
        }
        return new DecodeWindow((end - begin) / 1e9, tokens, steps, rows);
    }

    /** How many times are not later than one. */
    private static int after(long[] times, long time) {
        int at = Arrays.binarySearch(times, time);
        if (at < 0) {
            return -at - 1;
        }
        while (at < times.length && times[at] == time) {
            at++;
        }
        return at;
    }

    private static SlayerException tooShort(int sequences, int steps) {
        return SlayerException.internal(
                "only " + steps + " steps generated for " + sequences
                        + " sequences together, too few to tell; give more time by --part-time",
                null);
    }

    double tokensPerSecond() {
        return tokens / seconds;
    }

    double stepMillis() {
        return 1e3 * seconds / steps;
    }
}
