package dev.slayer.server.cli.bench;

import dev.slayer.server.cli.settings.SettingType;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Names of models, written at once: {@code {1-16}} stands for each number of the range, and several of them for each combination,
 * the last one changing fastest.
 *
 * @param text as written, such as {@code slayer-tiny@remove={1-11}}
 * @param names that it stands for, in order; at least one
 */
public record NamePattern(String text, List<String> names) {
    private static final Pattern RANGE = Pattern.compile("\\{(\\d{1,4})-(\\d{1,4})}");
    private static final int MOST_NAMES = 10_000;

    public NamePattern {
        names = List.copyOf(names);
    }

    static SettingType<NamePattern> type() {
        return (text, base) -> {
            SettingType.text().parse(text, base);
            return new NamePattern(text, expand(text));
        };
    }

    private static List<String> expand(String text) {
        List<String> starts = List.of("");
        Matcher range = RANGE.matcher(text);
        int at = 0;
        while (range.find()) {
            String before = text.substring(at, range.start());
            List<Integer> numbers = numbers(range.group(1), range.group(2));
            if ((long) starts.size() * numbers.size() > MOST_NAMES) {
                throw new IllegalArgumentException("stands for too many names; allowed: " + MOST_NAMES);
            }
            List<String> longer = new ArrayList<>();
            for (String start : starts) {
                numbers.forEach(number -> longer.add(start + before + number));
            }
            starts = longer;
            at = range.end();
        }
        String rest = text.substring(at);
        if (starts.getFirst().indexOf('{') >= 0 || rest.indexOf('{') >= 0) {
            throw new IllegalArgumentException("has a brace that begins no range; write a range as {1-16}");
        }
        return starts.stream().map(start -> start + rest).toList();
    }

    private static List<Integer> numbers(String first, String last) {
        int from = Integer.parseInt(first);
        int to = Integer.parseInt(last);
        if (from > to) {
            throw new IllegalArgumentException("has a range from " + from + " down to " + to + "; write it upwards");
        }
        return IntStream.rangeClosed(from, to).boxed().toList();
    }
}
