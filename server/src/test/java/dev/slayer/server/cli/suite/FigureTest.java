package dev.slayer.server.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FigureTest {
    private final Figure decode = Figure.of("decode", "llama-3-8b", "decode, batch 1", 160, "tokens/s", "")
            .within(200)
            .aiming(Optional.of(Target.share(0.8)));

    @Test
    void aTargetIsMetAtItsBound() {
        assertThat(decode.fraction()).hasValue(0.8);
        assertThat(decode.met()).hasValue(true);
        assertThat(decode.within(201).met()).hasValue(false);
        assertThat(decode.aiming(Optional.of(Target.least(161))).met()).hasValue(false);
        assertThat(decode.aiming(Optional.of(Target.most(160))).met()).hasValue(true);
    }

    @Test
    void aShareOfAnUnknownLimitIsNeitherMetNorMissed() {
        Figure figure =
                Figure.of("prefill", "tiny", "prefill", 5, "tokens/s", "").aiming(Optional.of(Target.share(0.6)));
        assertThat(figure.met()).isEmpty();
        assertThat(Limits.UNKNOWN.beside(figure, 1, new Cost(1, 1)).limit()).isEmpty();
    }

    @Test
    void whatIsNoNumberCountsAsFailed() {
        assertThat(Figure.of("decode", "", "decode", Double.NaN, "tokens/s", "").kind())
                .isEqualTo(Figure.Kind.FAILED);
    }

    @Test
    void theTableSaysWhatIsWantedAndWhetherItIsMet() {
        SuiteReport report = new SuiteReport(
                "cuda:0", Map.of(), List.of(decode, Figure.failed("mixed", "llama-3-8b", "out of\nmemory")));
        assertThat(report.table().lines().toList().get(1))
                .matches("decode +llama-3-8b +decode, batch 1 +160 +tokens/s +200 +0.800 +>= 0.8 of limit +yes");
        assertThat(report.markdown())
                .contains(
                        "| decode | llama-3-8b | decode, batch 1 | 160 | tokens/s | 200 | 0.800 | >= 0.8 of limit | yes |  |\n")
                .contains("| mixed | llama-3-8b | FAILED |")
                .contains("| out of memory |\n");
        assertThat(report.json()).doesNotContain("NaN");
    }

    @Test
    void wrongNumbersAreMarkedAboveEverything() {
        Figure wrong = Figure.of("numerics", "", "largest difference, plain", 0.5, "nats", "")
                .aiming(Optional.of(Target.most(0.1)));
        SuiteReport report = new SuiteReport("cuda:0", Map.of(), List.of(wrong, decode));
        assertThat(report.table()).startsWith("!!! NUMERICS FAILED");
        assertThat(report.markdown()).contains("**!!! NUMERICS FAILED");
        assertThat(report.json()).contains("\"numerics_failed\" : true");
        assertThat(report.sound()).isFalse();
        assertThat(new SuiteReport("cuda:0", Map.of(), List.of(decode)).table()).startsWith("part ");
    }
}
