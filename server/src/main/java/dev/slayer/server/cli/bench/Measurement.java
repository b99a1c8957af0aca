package dev.slayer.server.cli.bench;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.HdrHistogram.Histogram;

/**
 * What one repetition gave. Requests that failed count as errors and in no other number.
 *
 * @param requests that succeeded
 * @param errors codes of failures, with how often
 * @param seconds from the first request to the last token
 * @param promptTokens of all requests
 * @param outputTokens of all requests
 * @param timeToFirstToken from sending a request to its first token
 * @param interTokenLatency from one token to the next
 * @param requestsPerSecond over the whole repetition
 * @param prefillTokensPerSecond prompt tokens over the time in which at least one request waited for its first token
 * @param decodeTokensPerSecond tokens after the first over the time in which at least one request received them
 * @param serverCpuMillisPerToken processor time of the server per generated token, prefill included; null if the server is
 *     another process
 * @param clientCpuMillisPerToken processor time of the load generator per generated token
 */
public record Measurement(
        int requests,
        Map<String, Integer> errors,
        double seconds,
        long promptTokens,
        long outputTokens,
        Latency timeToFirstToken,
        Latency interTokenLatency,
        double requestsPerSecond,
        double prefillTokensPerSecond,
        double decodeTokensPerSecond,
        Double serverCpuMillisPerToken,
        double clientCpuMillisPerToken) {
    private static final double NANOS_PER_SECOND = 1e9;
    private static final double NANOS_PER_MILLI = 1e6;

    /** Failures of all kinds. */
    public int errorCount() {
        return errors.values().stream().mapToInt(Integer::intValue).sum();
    }

    /**
     * Sums traces up.
     *
     * @param whole time of the repetition
     * @param cpu used in it
     * @param withServer whether the server's part of it is known
     */
    static Measurement of(List<RequestTrace> traces, Interval whole, ProcessUsage.Cpu cpu, boolean withServer) {
        Map<String, Integer> errors = new TreeMap<>();
        traces.forEach(trace -> trace.error().ifPresent(code -> errors.merge(code, 1, Integer::sum)));
        List<RequestTrace> good =
                traces.stream().filter(trace -> trace.error().isEmpty()).toList();
        Histogram firsts = new Histogram(3);
        Histogram gaps = new Histogram(3);
        for (RequestTrace trace : good) {
            firsts.recordValue(trace.prefill().nanos());
            gaps.add(trace.gaps());
        }
        long prompt = good.stream().mapToLong(RequestTrace::promptTokens).sum();
        long output = good.stream().mapToLong(RequestTrace::outputTokens).sum();
        double perToken = NANOS_PER_MILLI * Math.max(1, output);
        return new Measurement(
                good.size(),
                errors,
                whole.nanos() / NANOS_PER_SECOND,
                prompt,
                output,
                Latency.of(firsts),
                Latency.of(gaps),
                rate(good.size(), whole.nanos()),
                rate(prompt, covered(good, RequestTrace::prefill)),
                rate(output - good.size(), covered(good, RequestTrace::decode)),
                withServer ? cpu.serverNanos() / perToken : null,
                cpu.clientNanos() / perToken);
    }

    /** The median of each number over repetitions; errors are added up. */
    static Measurement median(List<Measurement> repetitions) {
        Map<String, Integer> errors = new TreeMap<>();
        repetitions.forEach(one -> one.errors().forEach((code, count) -> errors.merge(code, count, Integer::sum)));
        boolean withServer = repetitions.stream().allMatch(one -> one.serverCpuMillisPerToken() != null);
        return new Measurement(
                (int) middle(repetitions, Measurement::requests),
                errors,
                middle(repetitions, Measurement::seconds),
                (long) middle(repetitions, Measurement::promptTokens),
                (long) middle(repetitions, Measurement::outputTokens),
                Latency.median(
                        repetitions.stream().map(Measurement::timeToFirstToken).toList()),
                Latency.median(
                        repetitions.stream().map(Measurement::interTokenLatency).toList()),
                middle(repetitions, Measurement::requestsPerSecond),
                middle(repetitions, Measurement::prefillTokensPerSecond),
                middle(repetitions, Measurement::decodeTokensPerSecond),
                withServer ? middle(repetitions, Measurement::serverCpuMillisPerToken) : null,
                middle(repetitions, Measurement::clientCpuMillisPerToken));
    }

    private static double middle(List<Measurement> repetitions, ToDoubleFunction<Measurement> number) {
        return Median.of(repetitions.stream().mapToDouble(number).toArray());
    }

    private static long covered(List<RequestTrace> traces, Function<RequestTrace, Interval> part) {
        return Interval.covered(traces.stream().map(part).toList());
    }

    private static double rate(long count, long nanos) {
        return nanos <= 0 ? 0 : count * NANOS_PER_SECOND / nanos;
    }
}
