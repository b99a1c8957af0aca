package dev.slayer.server.cli.settings;

import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Values of settings: from the command line, else from the environment, else from a YAML file, else the default. Immutable.
 *
 * @param commandLine values by the setting's name
 * @param environment the process's variables; several values of a repeatable setting are separated by commas
 * @param file the YAML file, if one was named
 * @param folder that relative paths of the command line and the environment start from
 */
public record SettingValues(
        Map<String, List<String>> commandLine,
        Map<String, String> environment,
        Optional<SettingFile> file,
        Path folder) {
    public SettingValues {
        commandLine = Map.copyOf(commandLine);
        environment = Map.copyOf(environment);
    }

    /**
     * The value of a setting that has a default.
     *
     * @throws SlayerException 400 naming where the value was written, the value and what is allowed
     */
    public <T> T one(Setting<T> setting) {
        return optional(setting).orElseThrow();
    }

    /** The value of a setting, if it was set anywhere; refuses as {@link #one} does, and more than one value. */
    public <T> Optional<T> optional(Setting<T> setting) {
        Written written = written(setting);
        if (written.texts().size() > 1) {
            throw SlayerException.badRequest(
                    written.origin(), written.origin() + " is given more than once; it takes a single value.");
        }
        return written.texts().stream()
                .map(text -> read(setting, written, text))
                .findFirst();
    }

    /** All values of a repeatable setting; refuses as {@link #one} does. */
    public <T> List<T> all(Setting<T> setting) {
        Written written = written(setting);
        return written.texts().stream()
                .map(text -> read(setting, written, text))
                .toList();
    }

    /** Whether somebody set it, so that the default does not count. */
    public boolean isSet(Setting<?> setting) {
        return !written(setting).origin().isEmpty();
    }

    /**
     * Texts of a setting's values and where they stand.
     *
     * @param origin the option, the variable or the key in its file; empty for the default
     * @param base that relative paths start from
     */
    private record Written(String origin, List<String> texts, Path base) {}

    private Written written(Setting<?> setting) {
        List<String> given = commandLine.get(setting.name());
        if (given != null) {
            return new Written(setting.option(), given, folder);
        }
        String variable = environment.get(setting.variable());
        if (variable != null && !variable.isEmpty()) {
            List<String> texts = setting.repeatable()
                    ? Arrays.stream(variable.split(",")).map(String::strip).toList()
                    : List.of(variable);
            return new Written(setting.variable(), texts, folder);
        }
        if (file.isPresent() && file.get().values().containsKey(setting.name())) {
            return new Written(
                    setting.name() + " in " + file.get().path(),
                    file.get().values().get(setting.name()),
                    file.get().folder());
        }
        return new Written("", setting.defaults(), folder);
    }

    private static <T> T read(Setting<T> setting, Written written, String text) {
        try {
            return setting.type().parse(text, written.base());
        } catch (IllegalArgumentException e) {
            throw refused(written.origin().isEmpty() ? setting.option() : written.origin(), text, e);
        }
    }

    static SlayerException refused(String origin, String text, IllegalArgumentException reason) {
        return new SlayerException(
                400, "invalid_value", origin, origin + ": '" + text + "' " + reason.getMessage() + ".", reason);
    }
}
