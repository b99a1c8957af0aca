package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ChoicesReportTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void ratiosAreThoseOfTheMedianTimes() {
        ChoicesReport report = report(side(3, 2, 9), side(14, 15, 99), side(2, 2.5, 2.4));
        assertThat(report.speedUp()).isCloseTo(5.0, within(1e-9));
        assertThat(report.timeAgainstAlone()).isCloseTo(1.25, within(1e-9));
        assertThat(report.itemsPerSecond()).as("8 requests in 3 s").isCloseTo(8 / 3.0 / 4, within(1e-9));
        assertThat(report.errorCount()).isZero();
        assertThat(report.table())
                .startsWith(
                        "m: 2 items of 4 choices, 1 requests at once; shots of 30 tokens for 5 items each, questions 8,"
                                + " choices 2; median of 3 repetitions\n")
                .containsPattern("\nseconds +3\\.00 +15\\.0 +2\\.40\n")
                .containsPattern("\ncached_tokens +56 +56 +56\n")
                .containsPattern("\nspeed-up over the cache off +5\\.00\n")
                .containsPattern("\ntime against new tokens alone +1\\.25\n")
                .containsPattern("\nserver CPU against new tokens alone +1\\.00\n");
        assertThat(report.json()).contains("\"cache_off\" : {");
    }

    @Test
    void withoutAServerWithoutACacheThereIsNoSpeedUp() {
        ChoicesReport report = report(side(3), null, side(2));
        assertThat(report.speedUp()).isNull();
        assertThat(report.table()).doesNotContain("cache off").containsPattern("new tokens alone +1\\.50\n");
    }

    @Test
    void failedRequestsCountAsErrorsOnAllSides() {
        Workers.Run<ScoreTrace> failed = new Workers.Run<>(
                List.of(ScoreTrace.failed(new Interval(0, SECOND), "timeout")),
                new Interval(0, SECOND),
                new ProcessUsage.Cpu(0, 0));
        ChoicesReport.Side side = ChoicesReport.Side.of(List.of(Scoring.of(failed, 10, 10, false)));
        ChoicesReport report = report(side(1), side, side);
        assertThat(report.errorCount()).isEqualTo(2);
        assertThat(report.table()).contains("Errors of all repetitions: {timeout=2}");
        assertThat(report.serverCpuAgainstAlone())
                .as("the server is another process")
                .isNull();
        assertThat(side.median().errors()).isEqualTo(Map.of("timeout", 1));
        assertThat(side.median().latency().max()).isZero();
    }

    private static ChoicesReport report(ChoicesReport.Side scores, ChoicesReport.Side off, ChoicesReport.Side alone) {
        Workload.Choices workload =
                new Workload.Choices(2, 5, lengths("30"), lengths("8"), lengths("2"), 1, 3, off != null);
        return ChoicesReport.of("m", workload, 1, scores, off, alone, null);
    }

    /** Repetitions of 8 requests that took so many seconds. */
    private static ChoicesReport.Side side(double... seconds) {
        return ChoicesReport.Side.of(Arrays.stream(seconds)
                .mapToObj(time -> new Workers.Run<>(
                        Collections.nCopies(8, ScoreTrace.of(new Interval(0, SECOND / 10), 7)),
                        new Interval(0, Math.round(time * SECOND)),
                        new ProcessUsage.Cpu(SECOND, SECOND / 2)))
                .map(run -> Scoring.of(run, 80, 24, true))
                .toList());
    }

    private static Lengths lengths(String text) {
        return Lengths.type().parse(text, Path.of(""));
    }
}
