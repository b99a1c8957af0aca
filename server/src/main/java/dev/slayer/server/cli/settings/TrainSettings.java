package dev.slayer.server.cli.settings;

import java.nio.file.Path;
import java.util.List;

/** The options of {@code slayer train}. */
public final class TrainSettings {
    public static final Setting<Path> OUT = Setting.optional(
            "out",
            "DIR",
            SettingType.path(),
            "runs",
            "Folder of the runs: each has a folder of its recipe's name in it. A run that is there is gone on with.");

    public static final Setting<ModelSource> MODEL = Setting.repeatable(
            "model",
            "[NAME=]DIR",
            ModelSource.type(),
            "none",
            "Another checkpoint of the same shape, for layers such as NAME:7.");

    /** All, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(OUT, MODEL);

    private TrainSettings() {}
}
