package dev.slayer.training.data;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Files that belong together, and their share of a mixture.
 *
 * @param name the domain, under which tokens and losses are reported; unique in a recipe
 * @param path a file, a folder (all files of known kinds in it, at any depth), or a glob ({@code data/*.jsonl.zst})
 * @param weight share of the tokens, relative to the other sources'
 * @param format null to let the first good row decide
 */
public record DataSource(String name, String path, double weight, RowFormat format) {
    private static final Pattern WEIGHT = Pattern.compile("(.+):([0-9]+(?:\\.[0-9]+)?)");
    private static final double MAX_WEIGHT = 1e6;
    private static final int MAX_SOURCES = 1000;

    public DataSource {
        if (!(weight > 0 && weight <= MAX_WEIGHT)) {
            throw Refusal.of(
                    "data", "source '" + name + "' has weight " + weight + "; allowed is above 0 up to 1000000");
        }
        if (path.isBlank() || name.isBlank()) {
            throw Refusal.of("data", "a source needs a path; write path or path:weight");
        }
        try {
            var _ = Path.of(path.replaceAll("[*?{}\\[\\]]", "x"));
        } catch (InvalidPathException e) {
            throw Refusal.of("data", "'" + path + "' is no path: " + e.getReason(), e);
        }
    }

    /**
     * A source written as {@code path} or {@code path:weight}; its name is the path.
     *
     * @throws dev.slayer.surgery.SlayerException 400 naming what is wrong
     */
    public static DataSource parse(String text) {
        Matcher matcher = WEIGHT.matcher(text.strip());
        if (matcher.matches()) {
            return new DataSource(matcher.group(1), matcher.group(1), Double.parseDouble(matcher.group(2)), null);
        }
        return new DataSource(text.strip(), text.strip(), 1, null);
    }

    /** Sources separated by commas, such as {@code math.jsonl:5,code.jsonl:2}. Commas between braces belong to a glob. */
    public static List<DataSource> list(String text) {
        List<DataSource> sources = new ArrayList<>();
        int depth = 0;
        int from = 0;
        for (int i = 0; i <= text.length(); i++) {
            char c = i == text.length() ? ',' : text.charAt(i);
            depth += c == '{' ? 1 : c == '}' ? -1 : 0;
            if (i == text.length() || (c == ',' && depth <= 0)) {
                sources.add(parse(text.substring(from, i)));
                from = i + 1;
            }
        }
        if (sources.size() > MAX_SOURCES) {
            throw Refusal.of("data", sources.size() + " sources; at most " + MAX_SOURCES + " can be mixed");
        }
        return List.copyOf(sources);
    }

    /** The same source with a relative path taken from a folder; name and weight stay. */
    public DataSource under(Path folder) {
        return path.startsWith("/") ? this : new DataSource(name, folder + "/" + path, weight, format);
    }

    /** The same source under another name. */
    public DataSource named(String other) {
        return new DataSource(other, path, weight, format);
    }

    /** The same source, rows read in this format. */
    public DataSource as(RowFormat rows) {
        return new DataSource(name, path, weight, rows);
    }
}
