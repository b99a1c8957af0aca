package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class MeasurementTest {
    private static final long MS = 1_000_000;
    private static final Percentage HISTOGRAM = Percentage.withPercentage(0.1);

    @Test
    void ratesAndLatenciesFollowFromTheTimesOfTokens() {
        // 10 prompt tokens in 100 ms, then 4 tokens 20 ms apart; the same again, 50 ms later, overlapping.
        Measurement measured = Measurement.of(
                List.of(trace(0, 10, 100, 120, 140, 160, 180), trace(50, 10, 150, 170, 190, 210, 230)),
                new Interval(0, 500 * MS),
                new ProcessUsage.Cpu(20 * MS, 5 * MS),
                true);
        assertThat(measured.requests()).isEqualTo(2);
        assertThat(measured.outputTokens()).isEqualTo(10);
        assertThat(measured.promptTokens()).isEqualTo(20);
        assertThat(measured.timeToFirstToken().p50()).isCloseTo(100, HISTOGRAM);
        assertThat(measured.interTokenLatency().p99()).isCloseTo(20, HISTOGRAM);
        assertThat(measured.requestsPerSecond()).isEqualTo(4);
        assertThat(measured.prefillTokensPerSecond())
                .as("20 tokens in 0 to 150 ms")
                .isCloseTo(20 / 0.150, within(1e-9));
        assertThat(measured.decodeTokensPerSecond())
                .as("8 tokens in 100 to 230 ms")
                .isCloseTo(8 / 0.130, within(1e-9));
        assertThat(measured.serverCpuMillisPerToken()).isEqualTo(2.0);
        assertThat(measured.clientCpuMillisPerToken()).isEqualTo(0.5);
    }

    @Test
    void tokensThatComeTogetherShareTheTimeSinceTheOnesBefore() {
        RequestTrace trace = new RequestTrace(0, 1);
        trace.tokens(10 * MS, 1);
        trace.tokens(40 * MS, 3);
        assertThat(trace.outputTokens()).isEqualTo(4);
        assertThat(trace.gaps().getTotalCount()).isEqualTo(3);
        assertThat(Latency.of(trace.gaps()).max()).isCloseTo(10, HISTOGRAM);
    }

    @Test
    void failedRequestsAreCountedAndNothingElse() {
        RequestTrace failed = trace(0, 10, 1, 2);
        failed.failed("timeout");
        Measurement measured = Measurement.of(
                List.of(failed, trace(0, 10, 100, 120)), new Interval(0, 1000 * MS), new ProcessUsage.Cpu(0, 0), false);
        assertThat(measured.errors()).isEqualTo(Map.of("timeout", 1));
        assertThat(measured.requests()).isEqualTo(1);
        assertThat(measured.timeToFirstToken().max()).isCloseTo(100, HISTOGRAM);
        assertThat(measured.serverCpuMillisPerToken()).isNull();
    }

    @Test
    void nothingButFailuresGivesZerosInsteadOfNonsense() {
        RequestTrace failed = new RequestTrace(0, 10);
        failed.failed("connection_failed");
        Measurement measured = Measurement.of(List.of(failed), new Interval(0, MS), new ProcessUsage.Cpu(0, 0), true);
        assertThat(measured.decodeTokensPerSecond()).isZero();
        assertThat(measured.timeToFirstToken()).isEqualTo(new Latency(0, 0, 0, 0, 0));
    }

    @Test
    void theMedianIsTakenNumberByNumberAndErrorsAreAddedUp() {
        Measurement fast = Measurement.of(
                List.of(trace(0, 10, 10, 20)), new Interval(0, 100 * MS), new ProcessUsage.Cpu(0, 0), true);
        Measurement slow = Measurement.of(
                List.of(trace(0, 10, 30, 90)), new Interval(0, 400 * MS), new ProcessUsage.Cpu(0, 0), true);
        RequestTrace failed = trace(0, 10, 1);
        failed.failed("timeout");
        Measurement middle = Measurement.of(
                List.of(failed, trace(0, 10, 20, 40)), new Interval(0, 200 * MS), new ProcessUsage.Cpu(0, 0), true);
        Measurement median = Measurement.median(List.of(slow, fast, middle));
        assertThat(median.timeToFirstToken().p50()).isCloseTo(20, HISTOGRAM);
        assertThat(median.seconds()).isEqualTo(0.2);
        assertThat(median.errorCount()).isEqualTo(1);
    }

    @Test
    void coveredTimeCountsOverlapsOnce() {
        assertThat(Interval.covered(List.of())).isZero();
        assertThat(Interval.covered(
                        List.of(new Interval(5, 9), new Interval(0, 3), new Interval(2, 4), new Interval(6, 7))))
                .isEqualTo(8);
        assertThat(Interval.covered(List.of(new Interval(Long.MAX_VALUE - 1, Long.MIN_VALUE + 1))))
                .as("nanoTime may wrap around")
                .isEqualTo(3);
    }

    @Test
    void theMedianOfAnEvenCountIsTheMeanOfTheMiddleTwo() {
        assertThat(Median.of(new double[] {9, 1, 2, 5})).isEqualTo(3.5);
        assertThat(Median.of(new double[] {9, 1, 5})).isEqualTo(5);
        assertThatThrownBy(() -> Median.of(new double[0])).isInstanceOf(IllegalArgumentException.class);
    }

    private static RequestTrace trace(long startedMs, int promptTokens, long... tokensMs) {
        RequestTrace trace = new RequestTrace(startedMs * MS, promptTokens);
        for (long at : tokensMs) {
            trace.tokens(at * MS, 1);
        }
        return trace;
    }
}
