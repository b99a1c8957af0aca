package dev.slayer.training.data;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;

/** Finds the files of a source. */
final class DataFiles {
    private static final int MAX_FILES = 100_000;
    private static final int MAX_DEPTH = 16;
    private static final Pattern GLOB = Pattern.compile("[*?{\\[]");

    private DataFiles() {}

    /** The files, in the order of their paths: at least one, all readable and of known kinds. */
    static List<DataFile> of(DataSource source) {
        try {
            Path path = literal(source.path());
            List<Path> paths =
                    path == null ? matching(source) : Files.isDirectory(path) ? inside(source, path) : List.of(path);
            List<DataFile> files = new ArrayList<>();
            for (Path each : paths) {
                files.add(checked(source, each));
            }
            return List.copyOf(files);
        } catch (IOException | UncheckedIOException e) {
            throw Refusal.of("data", "'" + source.path() + "' cannot be read: " + e.getMessage(), e);
        }
    }

    /** The path, unless it is a glob: signs of globs, and nothing under exactly this name. */
    private static Path literal(String text) {
        Path path = Path.of(text);
        return Files.exists(path) || !GLOB.matcher(text).find() ? path : null;
    }

    private static List<Path> inside(DataSource source, Path folder) throws IOException {
        List<Path> found = walk(folder, path -> known(path));
        if (found.isEmpty()) {
            throw Refusal.of("data", "folder '" + source.path() + "' has no file of a known kind: " + DataFile.kinds());
        }
        return found;
    }

    private static List<Path> matching(DataSource source) throws IOException {
        String text = source.path();
        Matcher sign = GLOB.matcher(text);
        int first = sign.find() ? sign.start() : text.length();
        int slash = text.lastIndexOf('/', first);
        Path base = Path.of(slash < 0 ? "." : text.substring(0, slash + 1));
        PathMatcher matcher;
        try {
            matcher = FileSystems.getDefault().getPathMatcher("glob:" + text.substring(slash + 1));
        } catch (PatternSyntaxException e) {
            throw Refusal.of("data", "'" + text + "' is no glob: " + e.getDescription(), e);
        }
        List<Path> found =
                Files.isDirectory(base) ? walk(base, path -> matcher.matches(base.relativize(path))) : List.of();
        if (found.isEmpty()) {
            throw Refusal.of("data", "no file matches '" + text + "'");
        }
        return found;
    }

    private static List<Path> walk(Path folder, Predicate<Path> wanted) throws IOException {
        try (Stream<Path> paths = Files.walk(folder, MAX_DEPTH)) {
            List<Path> found = paths.filter(path -> visible(folder, path) && Files.isRegularFile(path))
                    .filter(wanted)
                    .sorted()
                    .limit(MAX_FILES + 1L)
                    .toList();
            if (found.size() > MAX_FILES) {
                throw Refusal.of("data", "folder '" + folder + "' has more than " + MAX_FILES + " files; pack them");
            }
            return found;
        }
    }

    /** Not hidden below the folder, which itself may be. */
    private static boolean visible(Path folder, Path path) {
        for (Path part : folder.relativize(path)) {
            if (part.toString().startsWith(".")) {
                return false;
            }
        }
        return true;
    }

    private static boolean known(Path path) {
        try {
            return DataFile.of(path) != null;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static DataFile checked(DataSource source, Path path) throws IOException {
        if (!Files.exists(path)) {
            throw Refusal.of("data", "'" + path + "' of source '" + source.name() + "' does not exist");
        }
        if (!Files.isRegularFile(path) || !Files.isReadable(path)) {
            throw Refusal.of("data", "'" + path + "' of source '" + source.name() + "' is no file that can be read");
        }
        DataFile file = DataFile.of(path);
        if (file == null) {
            throw Refusal.of("data", "'" + path + "' is of no known kind; known are " + DataFile.kinds());
        }
        if (source.format() == RowFormat.PARAGRAPHS && file.kind() != DataFile.Kind.TXT) {
            throw Refusal.of("format", "'" + path + "' has no paragraphs; this format is for .txt files");
        }
        return file;
    }
}
