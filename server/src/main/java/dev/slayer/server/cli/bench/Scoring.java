package dev.slayer.server.cli.bench;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * What one repetition of scoring requests gave. Requests that failed count as errors; latency and cached tokens are those of the
 * others.
 *
 * @param requests that succeeded
 * @param errors codes of failures, with how often
 * @param seconds from the first request to the last answer
 * @param tokensSent prompt tokens of all requests
 * @param newTokens those that no earlier prompt shares, warm-up and earlier repetitions included; counted from the prompts
 * @param cachedTokens what the server says it did not have to compute
 * @param requestsPerSecond over the whole repetition
 * @param latency from sending a request to having read its answer
 * @param serverCpuSeconds processor time of the server; null if it is another process
 * @param clientCpuSeconds processor time of the load generator
 */
public record Scoring(
        int requests,
        Map<String, Integer> errors,
        double seconds,
        long tokensSent,
        long newTokens,
        long cachedTokens,
        double requestsPerSecond,
        Latency latency,
        Double serverCpuSeconds,
        double clientCpuSeconds) {
    private static final double NANOS_PER_SECOND = 1e9;

    /** Failures of all kinds. */
    public int errorCount() {
        return errors.values().stream().mapToInt(Integer::intValue).sum();
    }

    /**
     * Sums a run up.
     *
     * @param withServer whether the server's part of processor time is known
     */
    static Scoring of(Workers.Run<ScoreTrace> run, long tokensSent, long newTokens, boolean withServer) {
        Map<String, Integer> errors = new TreeMap<>();
        Histogram times = new Histogram(3);
        long cached = 0;
        for (ScoreTrace trace : run.traces()) {
            trace.error().ifPresent(code -> errors.merge(code, 1, Integer::sum));
            if (trace.error().isEmpty()) {
                times.recordValue(trace.time().nanos());
                cached += trace.cachedTokens();
            }
        }
        int good = Math.toIntExact(times.getTotalCount());
        double seconds = run.whole().nanos() / NANOS_PER_SECOND;
        return new Scoring(
                good,
                errors,
                seconds,
                tokensSent,
                newTokens,
                cached,
                seconds == 0 ? 0 : good / seconds,
                Latency.of(times),
                withServer ? run.cpu().serverNanos() / NANOS_PER_SECOND : null,
                run.cpu().clientNanos() / NANOS_PER_SECOND);
    }

    /** The median of each number over repetitions; errors are added up. */
    static Scoring median(List<Scoring> repetitions) {
        Map<String, Integer> errors = new TreeMap<>();
        repetitions.forEach(one -> one.errors().forEach((code, count) -> errors.merge(code, count, Integer::sum)));
        boolean withServer = repetitions.stream().allMatch(one -> one.serverCpuSeconds() != null);
        return new Scoring(
                (int) middle(repetitions, Scoring::requests),
                errors,
                middle(repetitions, Scoring::seconds),
                (long) middle(repetitions, Scoring::tokensSent),
                (long) middle(repetitions, Scoring::newTokens),
                (long) middle(repetitions, Scoring::cachedTokens),
                middle(repetitions, Scoring::requestsPerSecond),
                Latency.median(repetitions.stream().map(Scoring::latency).toList()),
                withServer ? middle(repetitions, Scoring::serverCpuSeconds) : null,
                middle(repetitions, Scoring::clientCpuSeconds));
    }

    private static double middle(List<Scoring> repetitions, ToDoubleFunction<Scoring> number) {
        return Median.of(repetitions.stream().mapToDouble(number).toArray());
    }
}
