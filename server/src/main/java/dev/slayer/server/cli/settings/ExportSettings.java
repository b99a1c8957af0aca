package dev.slayer.server.cli.settings;

import dev.slayer.surgery.export.CheckpointExport;
import java.nio.file.Path;
import java.util.List;

/** The options of {@code slayer export}. */
public final class ExportSettings {
    public static final Setting<Path> OUT = Setting.optional(
            "out", "TARGET", SettingType.path(), "none, it must be given", "Folder for the checkpoint; new, or empty.");

    public static final Setting<Long> SHARD_SIZE = new Setting<>(
            "shard-size",
            "SIZE",
            SettingType.size(1, 1L << 50),
            List.of(CheckpointExport.DEFAULT_SHARD_BYTES + "B"),
            "5GB",
            false,
            "Most bytes of weights in one file; a larger tensor has a file of its own.");

    public static final Setting<ModelSource> MODEL = Setting.repeatable(
            "model",
            "[NAME=]DIR",
            ModelSource.type(),
            "none",
            "Another checkpoint of the same shape, for layers such as NAME:7.");

    public static final Setting<ModelSource> DELTA = Setting.repeatable(
            "delta",
            "[NAME=]FOLDER",
            ModelSource.type(),
            "none",
            "A delta of the base, merged if LAYOUT is left out; else for NAME:7 and head(NAME).");

    /** All, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(OUT, SHARD_SIZE, MODEL, DELTA);

    private ExportSettings() {}
}
