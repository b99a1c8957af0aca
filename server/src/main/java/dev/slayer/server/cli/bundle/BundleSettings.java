package dev.slayer.server.cli.bundle;

import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Where a bundle goes and what it holds.
 *
 * @param out folder for it; new, or empty
 * @param partBytes most bytes of one part
 * @param training whether libtorch is in it
 * @param gpuLibraries folder of ONNX Runtime for CUDA and CUDA's libraries, to be in it too
 */
public record BundleSettings(Path out, long partBytes, boolean training, Optional<Path> gpuLibraries) {

    /** What a bundle can do without. */
    public enum Dispensable {
        /** libtorch and what it needs: two thirds of all bytes. */
        TRAINING
    }

    public static final Setting<Path> OUT = Setting.optional(
            "out", "DIR", SettingType.path(), "none, it must be given", "Folder for the parts; new, or empty.");

    public static final Setting<Long> SPLIT =
            Setting.of("split", "SIZE", SettingType.size(1 << 20, 1L << 40), "60m", "Most bytes of one part.");

    public static final Setting<Dispensable> WITHOUT = Setting.optional(
            "without",
            "WHAT",
            SettingType.choice(Dispensable.class),
            "nothing is left out",
            "What to leave out: training, which is libtorch.");

    public static final Setting<Path> GPU_LIBRARIES = Setting.optional(
            "gpu-libraries",
            "DIR",
            SettingType.path(),
            "those of the other machine",
            "Folder with onnxruntime-gpu and CUDA's libraries, as pip install --target makes it; they go into the bundle.");

    /** All, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(OUT, SPLIT, WITHOUT, GPU_LIBRARIES);

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public BundleSettings {
        Objects.requireNonNull(out);
        Objects.requireNonNull(gpuLibraries);
        SPLIT.require(partBytes);
    }

    /** Settings as written; refuses as the constructor does. */
    public static BundleSettings from(SettingValues values) {
        Path out = values.optional(OUT)
                .orElseThrow(() ->
                        SlayerException.badRequest("--out", "--out names the folder for the parts; it is needed"));
        return new BundleSettings(
                out, values.one(SPLIT), values.optional(WITHOUT).isEmpty(), values.optional(GPU_LIBRARIES));
    }
}
