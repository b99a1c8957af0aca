package dev.slayer.server.cli.suite;

import dev.slayer.server.accelerator.DeviceChoice;
import dev.slayer.server.cli.settings.DeviceSettings;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingType;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the suite measures and where.
 *
 * @param choice the processor, or one GPU
 * @param library of ONNX Runtime for it, if one was named
 * @param threads that compute
 * @param shapes at least one
 * @param only names of parts; all if empty
 * @param partTime longest time of a part
 * @param work folder of checkpoints; empty for one that is deleted at the end
 * @param out folder of the results, if they are to be kept
 */
public record SuiteSettings(
        DeviceChoice choice,
        Optional<Path> library,
        int threads,
        List<Shape> shapes,
        Set<String> only,
        Duration partTime,
        Optional<Path> work,
        Optional<Path> out) {
    public static final Setting<Boolean> GPU_SUITE = Setting.flag(
            "gpu-suite",
            "Instead of a load: measures the device's limits and what decoding, prefill, scoring, layouts and training reach of them,"
                    + " on models of random weights.");

    public static final Setting<List<Shape>> SHAPE = Setting.optional(
            "shape",
            "NAMES",
            Shape.list(),
            "llama-3-8b,llama-2-7b on a GPU, tiny on the processor",
            "Shapes of --gpu-suite: llama-3-8b, llama-2-7b, tiny.");

    public static final Setting<List<String>> ONLY = Setting.optional(
            "only",
            "PARTS",
            parts(),
            "all",
            "Parts of --gpu-suite: " + String.join(", ", Suite.PARTS) + "; limits are always measured.");

    public static final Setting<Duration> PART_TIME = Setting.of(
            "part-time",
            "TIME",
            SettingType.duration(Duration.ofHours(1)),
            "60s",
            "Longest time of a part of --gpu-suite for a shape, without loading weights; what is slow measures less.");

    public static final Setting<Path> WORK = Setting.optional(
            "work",
            "DIR",
            SettingType.path(),
            "a temporary one",
            "Folder for the checkpoints of --gpu-suite, which are used again if they are there: 16 GB for llama-3-8b, 13.5 GB for"
                    + " llama-2-7b.");

    public static final Setting<Path> OUT = Setting.optional(
            "out",
            "DIR",
            SettingType.path(),
            "none",
            "Folder for the table of --gpu-suite as gpu-suite.json and gpu-suite.md, written after each part.");

    /** All settings of the suite alone, in the order of help. */
    public static final List<Setting<?>> ALL = List.of(GPU_SUITE, SHAPE, ONLY, PART_TIME, WORK, OUT);

    /** What it takes of a server's settings. */
    public static final List<Setting<?>> OF_SERVER = List.of(
            DeviceSettings.DEVICE,
            DeviceSettings.ONNXRUNTIME_LIBRARY,
            ServeSettings.THREADS,
            ServeSettings.LOG_LEVEL,
            ServeSettings.CONFIG);

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public SuiteSettings {
        if (choice.ids().size() > 1) {
            throw SlayerException.badRequest(
                    DeviceSettings.DEVICE.option(),
                    "--device " + choice + " names several GPUs; --gpu-suite measures one, such as cuda:0.");
        }
        if (partTime.toMillis() < 100) {
            throw SlayerException.badRequest(
                    PART_TIME.option(), "--part-time is " + partTime.toMillis() + " ms; allowed: 100 ms to 1 h.");
        }
        shapes = List.copyOf(shapes);
        only = Set.copyOf(only);
    }

    /**
     * Settings as written; refuses as the constructor does.
     *
     * @param own values of {@link #ALL}
     * @param server values of {@link #OF_SERVER}
     */
    public static SuiteSettings from(SettingValues own, SettingValues server) {
        DeviceChoice choice = server.one(DeviceSettings.DEVICE);
        return new SuiteSettings(
                choice,
                server.optional(DeviceSettings.ONNXRUNTIME_LIBRARY),
                server.one(ServeSettings.THREADS),
                own.optional(SHAPE)
                        .orElse(choice.cuda() ? List.of(Shape.LLAMA_3_8B, Shape.LLAMA_2_7B) : List.of(Shape.TINY)),
                Set.copyOf(own.optional(ONLY).orElse(List.of())),
                own.one(PART_TIME),
                own.optional(WORK),
                own.optional(OUT));
    }

    private static SettingType<List<String>> parts() {
        return (text, base) -> Arrays.stream(text.split(",", -1))
                .map(String::strip)
                .peek(name -> {
                    if (!Suite.PARTS.contains(name)) {
                        throw new IllegalArgumentException(
                                "names the unknown part '" + name + "'; allowed: " + String.join(", ", Suite.PARTS));
                    }
                })
                .toList();
    }

    /** Where it computes. @throws SlayerException naming everything that is missing for a GPU */
    public Site site() {
        return choice.cuda()
                ? new CudaSite(library, choice.ids().getFirst(), threads)
                : new CpuSite(threads, Optional.empty());
    }
}
