package dev.slayer.server.cli.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Folders that a server uses besides those of its models.
 *
 * @param data where variants are kept; empty keeps them in memory only
 * @param dataRequired whether the server must have it; otherwise it goes on without where another server has it, or it cannot be
 *     written
 * @param checkpoints more checkpoints may be loaded from below these
 * @param exports where exported checkpoints are written; empty refuses to export
 * @param deltas where deltas are loaded from; empty loads none
 */
public record FolderSettings(
        Optional<Path> data,
        boolean dataRequired,
        List<Path> checkpoints,
        Optional<Path> exports,
        Optional<Path> deltas) {
    public static final Setting<Path> DATA_FOLDER = Setting.optional(
            "data-folder",
            "DIR",
            SettingType.path(),
            "~/.slayer",
            "Folder of what survives a restart, such as named variants; one server at a time uses it.");

    public static final Setting<Path> EXPORT_FOLDER = Setting.optional(
            "export-folder",
            "DIR",
            SettingType.path(),
            "exports in the data folder",
            "Folder that exported variants are written into.");

    public static final Setting<Path> DELTAS = Setting.optional(
            "deltas",
            "DIR",
            SettingType.path(),
            "deltas in the data folder",
            "Folder of deltas to serve, each a variant of its base.");

    public static final Setting<Path> CHECKPOINT_FOLDER = Setting.repeatable(
            "checkpoint-folder",
            "DIR",
            SettingType.path(),
            "none",
            "Folder below which clients may load checkpoints by request.");

    /** Keeps, loads and writes nothing. */
    public static final FolderSettings NONE =
            new FolderSettings(Optional.empty(), false, List.of(), Optional.empty(), Optional.empty());

    public FolderSettings {
        checkpoints = List.copyOf(checkpoints);
    }

    static FolderSettings from(SettingValues values) {
        Path data = values.optional(DATA_FOLDER).orElseGet(() -> Path.of(System.getProperty("user.home"), ".slayer"));
        return new FolderSettings(
                Optional.of(data),
                values.isSet(DATA_FOLDER),
                values.all(CHECKPOINT_FOLDER),
                Optional.of(values.optional(EXPORT_FOLDER).orElse(data.resolve("exports"))),
                Optional.of(values.optional(DELTAS).orElse(data.resolve("deltas"))));
    }
}
