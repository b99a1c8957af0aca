package dev.slayer.server.cli.bench;

import java.util.List;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * A distribution of times, in milliseconds.
 *
 * @param p50 median
 * @param p95 95th percentile
 * @param p99 99th percentile
 * @param mean average
 * @param max longest
 */
public record Latency(double p50, double p95, double p99, double mean, double max) {
    private static final double MILLI = 1e6;

    /** @param nanos recorded times in nanoseconds; all zero if there is none */
    static Latency of(Histogram nanos) {
        return new Latency(
                nanos.getValueAtPercentile(50) / MILLI,
                nanos.getValueAtPercentile(95) / MILLI,
                nanos.getValueAtPercentile(99) / MILLI,
                nanos.getTotalCount() == 0 ? 0 : nanos.getMean() / MILLI,
                nanos.getMaxValue() / MILLI);
    }

    /** The median of each number. */
    static Latency median(List<Latency> latencies) {
        return new Latency(
                median(latencies, Latency::p50),
                median(latencies, Latency::p95),
                median(latencies, Latency::p99),
                median(latencies, Latency::mean),
                median(latencies, Latency::max));
    }

    private static double median(List<Latency> latencies, ToDoubleFunction<Latency> number) {
        return Median.of(latencies.stream().mapToDouble(number).toArray());
    }
}
