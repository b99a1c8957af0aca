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

    public static final Setting<ModelSource> DELTA = Setting.repeatable(
            "delta",
            "[NAME=]FOLDER",
            ModelSource.type(),
            "none",
            "A delta of the base, for layers such as NAME:7 and head(NAME).");

    public static final Setting<String> DEVICE = Setting.optional(
            "device",
            "DEVICE",
            SettingType.text(),
            "the recipe's, else cpu",
            "Where to train: cpu, cuda, or cuda:N. With --nproc, cuda gives each process a device of its own.");

    public static final Setting<String> PRECISION = Setting.optional(
            "precision",
            "TYPE",
            SettingType.text(),
            "the recipe's, else bfloat16 on CUDA and float32 on the CPU",
            "Of products and activations: float32 or bfloat16. What is trained is float32 always.");

    public static final Setting<Integer> NPROC = new Setting<>(
            "nproc",
            "N",
            SettingType.integer(1, 64),
            List.of("1"),
            "1",
            false,
            "Processes that make each step together, each with a part of its rows and the recipe's threads.");

    public static final Setting<Integer> TIME_STEPS = new Setting<>(
            "time-steps",
            "N",
            SettingType.integer(0, 100_000),
            List.of("0"),
            "0, train",
            false,
            "Instead of training, time N steps of each recipe over random tokens.");

    public static final Setting<Path> PEER = Setting.optional(
            "peer",
            "PYTHON",
            SettingType.path(),
            "none",
            "With --time-steps: a Python with torch and transformers, which makes steps of full fine-tuning beside.");

    /** All, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(OUT, MODEL, DELTA, DEVICE, PRECISION, NPROC, TIME_STEPS, PEER);

    private TrainSettings() {}
}
