package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingFile;
import dev.slayer.server.cli.settings.SettingValues;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** Settings as options of a command. */
final class Options {
    private Options() {}

    /** Adds an option for each setting, in that order. */
    static void add(CommandSpec command, List<Setting<?>> settings) {
        settings.forEach(setting -> command.addOption(option(setting)));
    }

    /** What was given on the command line, by name of the setting. */
    static Map<String, List<String>> given(ParseResult parsed, List<Setting<?>> settings) {
        Map<String, List<String>> given = new HashMap<>();
        for (Setting<?> setting : settings) {
            if (parsed.hasMatchedOption(setting.option())) {
                given.put(setting.name(), texts(parsed.matchedOption(setting.option())));
            }
        }
        return given;
    }

    /**
     * Values from all places.
     *
     * @param given on the command line
     * @param environment the process's variables
     * @throws dev.slayer.surgery.SlayerException 400 if there is a file and it cannot be used
     */
    static SettingValues values(Map<String, List<String>> given, Map<String, String> environment) {
        Path folder = folder();
        SettingValues withoutFile = new SettingValues(given, environment, Optional.empty(), folder);
        List<Setting<?>> inFiles = new ArrayList<>(ServeSettings.ALL);
        inFiles.remove(ServeSettings.CONFIG);
        Optional<SettingFile> file =
                withoutFile.optional(ServeSettings.CONFIG).map(path -> SettingFile.read(path, inFiles));
        return new SettingValues(given, environment, file, folder);
    }

    /** The folder that the user is in. */
    static Path folder() {
        return Path.of("").toAbsolutePath();
    }

    private static OptionSpec option(Setting<?> setting) {
        String description = setting.sentence() + " Default: " + setting.defaultText() + ".";
        OptionSpec.Builder option = OptionSpec.builder(setting.option())
                .description(description.replace("%", "%%"))
                .paramLabel(setting.label());
        if (setting.takesNoValue()) {
            option.type(boolean.class);
        } else if (setting.repeatable()) {
            option.type(List.class).auxiliaryTypes(String.class).arity("1");
        } else {
            option.type(String.class).arity("1");
        }
        return option.build();
    }

    private static List<String> texts(OptionSpec option) {
        Object value = option.getValue();
        return value instanceof List<?> several
                ? several.stream().map(String::valueOf).toList()
                : List.of(String.valueOf(value));
    }
}
