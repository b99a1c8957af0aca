package dev.slayer.server.cli.settings;

import java.nio.file.Path;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Times, written with a unit.
 *
 * @param high longest
 */
record DurationType(Duration high) implements SettingType<Duration> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,9})\\s?(ms|s|m|h)");

    @Override
    public Duration parse(String text, Path base) {
        Matcher parts = FORM.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("is no time; expected something like 30s, 500ms, 2m or 1h");
        }
        long number = Long.parseLong(parts.group(1));
        Duration value = switch (parts.group(2)) {
            case "ms" -> Duration.ofMillis(number);
            case "s" -> Duration.ofSeconds(number);
            case "m" -> Duration.ofMinutes(number);
            default -> Duration.ofHours(number);
        };
        check(value);
        return value;
    }

    @Override
    public void check(Duration value) {
        if (value.isNegative() || value.compareTo(high) > 0) {
            throw new IllegalArgumentException("is out of range; allowed: 0s to " + high.toSeconds() + "s");
        }
    }
}
