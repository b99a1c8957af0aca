package dev.slayer.server.cli.settings;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/**
 * Reads the text of one value. Both methods refuse with an IllegalArgumentException whose message continues a sentence that
 * began with the value: {@code is out of range; allowed: 0 to 65535}.
 *
 * @param <T> what a value becomes
 */
@FunctionalInterface
public interface SettingType<T> {
    /**
     * Reads a value.
     *
     * @param base the folder that relative paths start from
     */
    T parse(String text, Path base);

    /** Checks a value that came another way than by text. */
    default void check(T value) {}

    /** Any text but the empty one. */
    static SettingType<String> text() {
        return (text, base) -> {
            if (text.isBlank()) {
                throw new IllegalArgumentException("is empty");
            }
            return text;
        };
    }

    /** A whole number of a range. */
    static SettingType<Integer> integer(int low, int high) {
        return new IntegerType(low, high, OptionalInt.empty(), "");
    }

    /** A whole number of a range, or a word that stands for a number of this machine. */
    static SettingType<Integer> integerOr(String word, int meaning, int low, int high) {
        return new IntegerType(low, high, OptionalInt.of(meaning), word);
    }

    /** Any whole number that fits 64 bits. */
    static SettingType<Long> wholeNumber() {
        return (text, base) -> {
            try {
                return Long.valueOf(text);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("is no whole number", e);
            }
        };
    }

    /** Bytes: {@code 64MiB}, {@code 4GiB}. */
    static SettingType<Long> size(long low, long high) {
        return new SizeType(low, high, 0);
    }

    /** Bytes, or a share of a total: {@code 4GiB}, {@code 25%}. */
    static SettingType<Long> sizeOrShare(long total, long low, long high) {
        return new SizeType(low, high, total);
    }

    /** A time: {@code 500ms}, {@code 30s}, {@code 2m}, {@code 1h}. */
    static SettingType<Duration> duration(Duration high) {
        return new DurationType(high);
    }

    /** true or false. */
    static SettingType<Boolean> flag() {
        return (text, base) -> switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException("is neither true nor false");
        };
    }

    /** A file or folder; relative paths start where the setting was written. */
    static SettingType<Path> path() {
        return (text, base) -> {
            if (text.isBlank() || text.indexOf('\0') >= 0) {
                throw new IllegalArgumentException("is no path");
            }
            return base.resolve(text).normalize();
        };
    }

    /** One of the constants of an enum, written in lower case. */
    static <E extends Enum<E>> SettingType<E> choice(Class<E> constants) {
        return (text, base) -> Arrays.stream(constants.getEnumConstants())
                .filter(constant -> text.equals(constant.name().toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("is unknown; allowed: "
                        + Arrays.stream(constants.getEnumConstants())
                                .map(constant -> constant.name().toLowerCase(Locale.ROOT))
                                .collect(Collectors.joining(", "))));
    }
}
