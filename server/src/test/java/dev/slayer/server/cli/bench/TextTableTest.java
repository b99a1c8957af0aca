package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TextTableTest {
    @Test
    void columnsStandInLine() {
        assertThat(new TextTable()
                        .row("", "p50", "max")
                        .row("long name", "1", "12345")
                        .row("x", "22.5", "-")
                        .text())
                .isEqualTo("""
                                    p50    max
                        long name     1  12345
                        x          22.5      -
                        """);
    }

    @Test
    void numbersKeepThreeDigitsOrSo() {
        assertThat(Report.number(0.12345)).isEqualTo("0.123");
        assertThat(Report.number(4.5678)).isEqualTo("4.57");
        assertThat(Report.number(78.94)).isEqualTo("78.9");
        assertThat(Report.number(1234.4)).isEqualTo("1234");
        assertThat(Report.number(0)).isEqualTo("0.000");
    }
}
