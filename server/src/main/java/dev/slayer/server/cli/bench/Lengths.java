package dev.slayer.server.cli.bench;

import dev.slayer.server.cli.settings.SettingType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lengths in tokens that requests are drawn from: each entry equally often, and inside an entry each length.
 *
 * @param entries ranges; a fixed length is a range of one
 */
public record Lengths(List<Range> entries) {
    private static final int LONGEST = 1_000_000;
    private static final Pattern ENTRY = Pattern.compile("(\\d{1,7})(?:-(\\d{1,7}))?");

    /** @throws IllegalArgumentException if there is no entry */
    public Lengths {
        entries = List.copyOf(entries);
        if (entries.isEmpty()) {
            throw new IllegalArgumentException("has no length");
        }
    }

    /** Lengths from low to high, both included, at least 1. */
    public record Range(int low, int high) {
        /** @throws IllegalArgumentException if it is empty or out of bounds; the message continues a sentence */
        public Range {
            if (low < 1 || high > LONGEST) {
                throw new IllegalArgumentException("is out of range; allowed: 1 to " + LONGEST + " tokens");
            }
            if (low > high) {
                throw new IllegalArgumentException(
                        "has the range " + low + "-" + high + ", which ends before it begins");
            }
        }
    }

    /** {@code 128}, {@code 64,512} or {@code 32-256}, also mixed. */
    static SettingType<Lengths> type() {
        return Lengths::parse;
    }

    private static Lengths parse(String text, Path base) {
        List<Range> entries = new ArrayList<>();
        for (String entry : text.split(",", -1)) {
            Matcher parts = ENTRY.matcher(entry.strip());
            if (!parts.matches()) {
                throw new IllegalArgumentException(
                        "is no list of lengths; expected something like 128, 64,512 or 32-256");
            }
            int low = Integer.parseInt(parts.group(1));
            entries.add(new Range(low, parts.group(2) == null ? low : Integer.parseInt(parts.group(2))));
        }
        return new Lengths(entries);
    }

    /** Draws one length. */
    public int draw(RandomGenerator random) {
        Range range = entries.get(random.nextInt(entries.size()));
        return random.nextInt(range.low(), range.high() + 1);
    }

    /** The longest that can be drawn. */
    public int longest() {
        return entries.stream().mapToInt(Range::high).max().orElseThrow();
    }

    /** As the option writes it. */
    public String text() {
        return String.join(
                ",",
                entries.stream()
                        .map(range -> range.low() == range.high() ? "" + range.low() : range.low() + "-" + range.high())
                        .toList());
    }
}
