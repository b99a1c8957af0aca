package dev.slayer.server.cli.settings;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A checkpoint to serve.
 *
 * @param name by which requests ask for it; letters, digits and {@code . _ - : /}, so that no edit can hide in it
 * @param directory the checkpoint, absolute
 */
public record ModelSource(String name, Path directory) {
    private static final String NAME_FORM = "[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}";
    private static final Pattern NAME = Pattern.compile(NAME_FORM);
    private static final Pattern NAMED = Pattern.compile("(" + NAME_FORM + ")=(.+)", Pattern.DOTALL);

    /** @throws IllegalArgumentException if the name cannot be one; the message continues a sentence */
    public ModelSource {
        Objects.requireNonNull(directory);
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("gives the model the name '" + name
                    + "'; allowed: 1 to 128 letters, digits and . _ - : / (choose another with NAME=DIR)");
        }
        directory = directory.toAbsolutePath().normalize();
    }

    /** {@code DIR} (named like the directory) or {@code NAME=DIR}; the directory has to be there. */
    static SettingType<ModelSource> type() {
        return ModelSource::parse;
    }

    private static ModelSource parse(String text, Path base) {
        if (text.isBlank() || text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("names no directory");
        }
        Path whole = base.resolve(text).toAbsolutePath().normalize();
        Matcher named = NAMED.matcher(text);
        if (named.matches() && !Files.isDirectory(whole)) {
            return new ModelSource(named.group(1), existing(base.resolve(named.group(2))));
        }
        Path last = existing(whole).getFileName();
        return new ModelSource(last == null ? "" : last.toString(), whole);
    }

    private static Path existing(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new IllegalArgumentException("is no model: " + directory + " is no directory");
        }
        return directory;
    }
}
