package dev.slayer.server.cli.settings;

import dev.slayer.server.accelerator.DeviceChoice;
import dev.slayer.server.engine.packed.KvPrecision;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/**
 * What computes, and with which library.
 *
 * @param choice processor or GPUs
 * @param library file or folder of ONNX Runtime for GPUs, if one was named
 * @param given which limits somebody has set; the others follow from a GPU's memory
 * @param kvPrecision how keys and values lie in memory
 */
public record DeviceSettings(DeviceChoice choice, Optional<Path> library, Given given, KvPrecision kvPrecision) {
    /** Which limits somebody has set. */
    public record Given(
            boolean kv,
            boolean derivedBlocks,
            boolean prefixCache,
            boolean training,
            boolean maxSequences,
            boolean maxBatchTokens) {
        /** None of them. */
        public static final Given NONE = new Given(false, false, false, false, false, false);
    }

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

    public static final Setting<KvPrecision> KV_DTYPE = Setting.of(
            "kv-dtype",
            "TYPE",
            SettingType.choice(KvPrecision.class),
            "auto",
            "Keys and values in memory: auto (as computed), fp8 or int8 (half as large; GPUs, ONNX Runtime 1.29 or newer).");

    /** The processor. */
    public static final DeviceSettings CPU =
            new DeviceSettings(DeviceChoice.CPU, Optional.empty(), Given.NONE, KvPrecision.AUTO);

    public DeviceSettings {
        Objects.requireNonNull(choice);
        Objects.requireNonNull(library);
        if (!choice.cuda() && kvPrecision.quantizes()) {
            throw SlayerException.badRequest(
                    KV_DTYPE.option(),
                    "--kv-dtype=" + kvPrecision.name().toLowerCase(Locale.ROOT)
                            + " is not there with --device cpu; allowed: auto.");
        }
    }

    static DeviceSettings from(SettingValues values) {
        return new DeviceSettings(
                values.one(DEVICE),
                values.optional(ONNXRUNTIME_LIBRARY),
                new Given(
                        values.isSet(EngineOptions.KV_MEMORY),
                        values.isSet(EngineOptions.DERIVED_BLOCKS_MEMORY),
                        values.isSet(EngineOptions.PREFIX_CACHE_MEMORY),
                        values.isSet(JobOptions.TRAINING_MEMORY),
                        values.isSet(EngineOptions.MAX_SEQUENCES),
                        values.isSet(EngineOptions.MAX_BATCH_TOKENS)),
                values.one(KV_DTYPE));
    }
}
