package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.cli.bench.NewLayoutsReport.Group;
import dev.slayer.server.cli.bench.NewLayoutsReport.Pair;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportTest {
    @Test
    void theDecodeRatioIsThatOfTheMedians() {
        List<Measurement> mix = List.of(decoding(30), decoding(90), decoding(60));
        List<Measurement> base = List.of(decoding(80), decoding(100), decoding(1000));
        LoadReport.Peer peer = LoadReport.Peer.of("base", base, Measurement.median(mix));
        assertThat(peer.median().decodeTokensPerSecond()).isCloseTo(100, within(1e-6));
        assertThat(peer.decodeRatio()).isCloseTo(0.6, within(1e-6));
        LoadReport report = new LoadReport("mix", "8", "2", 1, 1, Measurement.median(mix), mix, peer, null);
        assertThat(report.table()).containsPattern("\ndecode, tokens/s +60\\.0 +100 +0\\.600\n");
        assertThat(report.errorCount()).isZero();
    }

    @Test
    void aPeerThatAnsweredNothingGivesZeroAndItsErrorsCount() {
        RequestTrace failed = new RequestTrace(0, 8);
        failed.failed("timeout");
        Measurement none = Measurement.of(List.of(failed), new Interval(0, 1), new ProcessUsage.Cpu(0, 0), false);
        LoadReport.Peer peer = LoadReport.Peer.of("base", List.of(none), decoding(10));
        assertThat(peer.decodeRatio()).isZero();
        LoadReport report = new LoadReport("mix", "8", "2", 1, 1, decoding(10), List.of(decoding(10)), peer, null);
        assertThat(report.errorCount()).isEqualTo(1);
        assertThat(report.table()).contains("{timeout=1}");
    }

    @Test
    void aNewLayoutIsComparedWithTheBaseRightBeforeIt() {
        // The machine slows down on the way; each layout takes 2, 3 and 40 ms more than its own base.
        Group group = Group.of("m@{1-3}", List.of(new Pair("a", 10, 50), new Pair("b", 20, 22), new Pair("c", 30, 33)));
        assertThat(group.baseMillis()).isEqualTo(20);
        assertThat(group.newMillis()).isEqualTo(33);
        assertThat(group.differenceMillis()).as("of pairs, not 33 - 20").isEqualTo(3);
        assertThat(group.firstMillis()).isEqualTo(50);
        assertThat(group.longestMillis()).isEqualTo(50);
        assertThat(new NewLayoutsReport("m", "8", List.of(group), Map.of()).table())
                .containsPattern("layouts +m +new +difference +first new +longest new\n")
                .containsPattern("m@\\{1-3} +3 +20\\.0 +33\\.0 +3\\.00 +50\\.0 +50\\.0\n");
    }

    @Test
    void layoutsThatAllFailedGiveZeros() {
        Group group = Group.of("m", List.of());
        assertThat(group.differenceMillis()).isZero();
        assertThat(new NewLayoutsReport("m", "8", List.of(group), Map.of("broken", 2)).errorCount())
                .isEqualTo(2);
    }

    /** Two tokens after the first, at so many tokens/s. */
    private static Measurement decoding(double tokensPerSecond) {
        long gap = (long) (1e9 / tokensPerSecond);
        RequestTrace trace = new RequestTrace(0, 8);
        trace.tokens(1_000_000, 1);
        trace.tokens(1_000_000 + gap, 1);
        trace.tokens(1_000_000 + 2 * gap, 1);
        return Measurement.of(List.of(trace), new Interval(0, 2_000_000 + 2 * gap), new ProcessUsage.Cpu(0, 0), false);
    }
}
