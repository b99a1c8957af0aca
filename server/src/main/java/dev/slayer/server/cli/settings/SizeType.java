package dev.slayer.server.cli.settings;

import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Numbers of bytes, written with a unit.
 *
 * @param low least, in bytes
 * @param high most, in bytes
 * @param total what a percentage is a share of, in bytes; 0 where none is allowed
 */
record SizeType(long low, long high, long total) implements SettingType<Long> {
    private static final Pattern FORM = Pattern.compile("(\\d{1,18}(?:\\.\\d{1,9})?)\\s?([A-Za-z%]{1,3})");
    private static final Map<String, Long> UNITS = Map.ofEntries(
            Map.entry("B", 1L),
            Map.entry("KiB", 1L << 10),
            Map.entry("MiB", 1L << 20),
            Map.entry("GiB", 1L << 30),
            Map.entry("TiB", 1L << 40),
            Map.entry("kB", 1_000L),
            Map.entry("MB", 1_000_000L),
            Map.entry("GB", 1_000_000_000L),
            Map.entry("TB", 1_000_000_000_000L),
            // As the JVM's options and split(1) write them.
            Map.entry("k", 1L << 10),
            Map.entry("m", 1L << 20),
            Map.entry("g", 1L << 30));

    @Override
    public Long parse(String text, Path base) {
        if (text.equals("0") && low == 0) {
            return 0L; // nothing needs no unit
        }
        Matcher parts = FORM.matcher(text);
        if (!parts.matches()) {
            throw new IllegalArgumentException("is no size; " + forms());
        }
        BigDecimal number = new BigDecimal(parts.group(1));
        BigDecimal bytes;
        if (total > 0 && parts.group(2).equals("%")) {
            bytes = number.multiply(BigDecimal.valueOf(total)).movePointLeft(2);
        } else if (UNITS.containsKey(parts.group(2))) {
            bytes = number.multiply(BigDecimal.valueOf(UNITS.get(parts.group(2))));
        } else {
            throw new IllegalArgumentException("has an unknown unit; " + forms());
        }
        if (bytes.compareTo(BigDecimal.valueOf(low)) < 0 || bytes.compareTo(BigDecimal.valueOf(high)) > 0) {
            throw new IllegalArgumentException(outOfRange());
        }
        return bytes.longValue();
    }

    @Override
    public void check(Long value) {
        if (value < low || value > high) {
            throw new IllegalArgumentException(outOfRange());
        }
    }

    /** Bytes in the largest unit that gives a number of at least one: {@code 1.5 GiB}. */
    static String format(long bytes) {
        String[] units = {"B", "KiB", "MiB", "GiB", "TiB"};
        int unit = 0;
        double number = bytes;
        while (number >= 1024 && unit < units.length - 1) {
            number /= 1024;
            unit++;
        }
        String digits = BigDecimal.valueOf(Math.round(number * 10), 1)
                .stripTrailingZeros()
                .toPlainString();
        return digits + units[unit];
    }

    private String outOfRange() {
        return "is out of range; allowed: " + format(low) + " to " + format(high);
    }

    private String forms() {
        return total > 0 ? "expected something like 4GiB or 25%" : "expected something like 64MiB";
    }
}
