package dev.slayer.server.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import dev.slayer.surgery.SlayerException;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/**
 * One line per event: time, level, class, message. Line breaks that came from outside are escaped, so that nobody can forge a
 * line. Only defects bring a stack trace along; a failure the user can know about is its sentence.
 */
final class LogLayout extends LayoutBase<ILoggingEvent> {
    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS").withZone(ZoneId.systemDefault());

    @Override
    public String doLayout(ILoggingEvent event) {
        String name = event.getLoggerName();
        StringBuilder line = new StringBuilder(128);
        TIME.formatTo(Instant.ofEpochMilli(event.getTimeStamp()), line);
        line.append(' ').append(event.getLevel());
        line.append(' ').append(name, name.lastIndexOf('.') + 1, name.length());
        line.append(": ").append(onOneLine(event.getFormattedMessage()));
        IThrowableProxy thrown = event.getThrowableProxy();
        if (thrown != null && expected(thrown)) {
            line.append(" (").append(onOneLine(thrown.getMessage())).append(')');
            thrown = null;
        }
        line.append(System.lineSeparator());
        if (thrown != null) {
            line.append(ThrowableProxyUtil.asString(thrown)).append(System.lineSeparator());
        }
        return line.toString();
    }

    private static boolean expected(IThrowableProxy thrown) {
        return thrown instanceof ThrowableProxy proxy
                && proxy.getThrowable() instanceof SlayerException failure
                && failure.status() < 500;
    }

    private static String onOneLine(String text) {
        if (text == null || text.chars().noneMatch(LogLayout::control)) {
            return String.valueOf(text);
        }
        StringBuilder escaped = new StringBuilder(text.length() + 16);
        text.chars().forEach(unit -> {
            if (control(unit)) {
                escaped.append(String.format("\\u%04x", unit));
            } else {
                escaped.append((char) unit);
            }
        });
        return escaped.toString();
    }

    private static boolean control(int unit) {
        return (unit < ' ' && unit != '\t') || (unit >= 0x7f && unit < 0xa0) || unit == 0x2028 || unit == 0x2029;
    }
}
