package dev.slayer.server.cli.settings;

import dev.slayer.server.accelerator.DeviceChoice;
import dev.slayer.server.jobs.JobDevice;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.training.run.DeviceAccess;

/** The options behind {@link JobSettings}: limits of training in the server, and of files for it. */
public final class JobOptions {
    public static final Setting<DeviceChoice> TRAINING_DEVICE = Setting.of(
            "training-device",
            "DEVICE",
            (text, base) -> DeviceChoice.parseOne(text),
            "cpu",
            "What fine-tuning jobs compute on: cpu, cuda (the first GPU), or a GPU by number, as in cuda:1.");

    public static final Setting<Long> TRAINING_MEMORY = Setting.of(
            "training-memory",
            "SIZE",
            SettingType.sizeOrShare(MachineMemory.bytes(), 0, 1L << 50),
            "25%",
            "Memory that a fine-tuning job may need, by its estimate: a size, or a share of the machine's memory. On a GPU"
                    + " a quarter of its memory unless it is given.");

    public static final Setting<Integer> TRAINING_THREADS = Setting.of(
            "training-threads",
            "N",
            SettingType.integerOr("half", Math.max(1, Runtime.getRuntime().availableProcessors() / 2), 1, 1024),
            "half",
            "Threads that a fine-tuning job computes on; 'half' is half of the cores.");

    public static final Setting<Long> MAX_FILE = Setting.of(
            "max-file",
            "SIZE",
            SettingType.size(1 << 10, 1L << 50),
            "512MiB",
            "Largest file that a client may upload.");

    public static final Setting<Long> MAX_FILES = Setting.of(
            "max-files", "SIZE", SettingType.size(1 << 10, 1L << 50), "16GiB", "All uploaded files together.");

    private JobOptions() {}

    static JobSettings from(SettingValues values) {
        return new JobSettings(
                new JobDevice(values.one(TRAINING_DEVICE).toString(), DeviceAccess.ALONE),
                values.one(TRAINING_MEMORY),
                values.one(TRAINING_THREADS),
                values.one(MAX_FILE),
                values.one(MAX_FILES));
    }
}
