package dev.slayer.server.cli.settings;

import dev.slayer.server.accelerator.DeviceChoice;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * What computes, and with which library.
 *
 * @param choice processor or GPUs
 * @param library file or folder of ONNX Runtime for GPUs, if one was named
 * @param kvGiven whether somebody set --kv-memory; otherwise KV takes what is left of a GPU
 */
public record DeviceSettings(DeviceChoice choice, Optional<Path> library, boolean kvGiven) {
    public static final Setting<DeviceChoice> DEVICE = Setting.of(
            "device",
            "DEVICE",
            (text, base) -> DeviceChoice.parse(text),
            "cpu",
            "What computes: cpu, cuda (the first GPU), or GPUs by number, as in cuda:0,1.");

    public static final Setting<Path> ONNXRUNTIME_LIBRARY = Setting.optional(
            "onnxruntime-library",
            "PATH",
            SettingType.path(),
            "looked for",
            "ONNX Runtime for --device cuda: its libonnxruntime.so or the folder of it.");

    /** The processor. */
    public static final DeviceSettings CPU = new DeviceSettings(DeviceChoice.CPU, Optional.empty(), false);

    public DeviceSettings {
        Objects.requireNonNull(choice);
        Objects.requireNonNull(library);
    }

    static DeviceSettings from(SettingValues values) {
        return new DeviceSettings(
                values.one(DEVICE), values.optional(ONNXRUNTIME_LIBRARY), values.isSet(ServeSettings.KV_MEMORY));
    }
}
