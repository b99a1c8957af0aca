package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import dev.slayer.surgery.SlayerException;
import org.junit.jupiter.api.Test;

class LogLayoutTest {
    @Test
    void anEventIsOneLineWithTimeLevelClassAndMessage() {
        assertThat(line("Loaded in {} s.", null, 2))
                .matches("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} INFO Thing: Loaded in 2 s\\.\\R");
    }

    @Test
    void lineBreaksFromOutsideCannotForgeALine() {
        assertThat(line("{}", null, "a\r\n2026-01-01 ERROR b\u2028\u001b[31m"))
                .contains("a\\u000d\\u000a2026-01-01 ERROR b\\u2028\\u001b[31m")
                .hasLineCount(1);
    }

    @Test
    void anErrorOfTheUserHasNoStackTrace() {
        assertThat(line("Refused.", SlayerException.badRequest("x", "x is bad.")))
                .endsWith("Refused. (x is bad.)" + System.lineSeparator())
                .hasLineCount(1);
    }

    @Test
    void aDefectHasOne() {
        assertThat(line("Failed.", new IllegalStateException("why")))
                .contains("IllegalStateException: why")
                .contains("at " + LogLayoutTest.class.getName());
    }

    private static String line(String message, Throwable thrown, Object... arguments) {
        LoggerContext context = new LoggerContext();
        return new LogLayout()
                .doLayout(new LoggingEvent(
                        "fqcn", context.getLogger("a.b.Thing"), Level.INFO, message, thrown, arguments));
    }
}
