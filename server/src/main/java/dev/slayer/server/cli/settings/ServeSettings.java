package dev.slayer.server.cli.settings;

import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;

/**
 * Everything that a server is started with.
 *
 * @param models checkpoints to serve, at least one, each name once; the first is the default model
 * @param device what computes
 * @param weightType how weights lie in memory
 * @param threads that work on one operator
 * @param engine limits of the engine
 * @param derivedBlocks limits of blocks that edited models need beyond the checkpoint's own
 * @param http where and for whom the API is there
 * @param folders besides those of the models
 * @param jobs limits of training
 * @param drainTimeout how long running requests may go on after the signal to stop
 * @param logLevel how much is logged
 */
public record ServeSettings(
        List<ModelSource> models,
        DeviceSettings device,
        WeightType weightType,
        int threads,
        EngineSettings engine,
        DerivedBlocks derivedBlocks,
        HttpSettings http,
        FolderSettings folders,
        JobSettings jobs,
        Duration drainTimeout,
        LogLevel logLevel) {

    public static final Setting<Path> CONFIG = Setting.optional(
            "config", "FILE", SettingType.path(), "none", "YAML file with any of these settings, by the same names.");

    public static final Setting<ModelSource> MODEL = Setting.repeatable(
            "model",
            "[NAME=]DIR",
            ModelSource.type(),
            "the embedded slayer-tiny",
            "Checkpoint to serve, in Hugging Face format; NAME is the directory's name unless given.");

    public static final Setting<WeightType> DTYPE = Setting.optional(
            "dtype",
            "TYPE",
            SettingType.choice(WeightType.class),
            "fp32 on the processor, bf16 on GPUs",
            "Weights in memory: fp32 (exact; the processor only), bf16 or fp16 (GPUs only), int8 or int4 (quantized while loading).");

    public static final Setting<Integer> THREADS = Setting.of(
            "threads",
            "N",
            SettingType.integerOr("cores", Runtime.getRuntime().availableProcessors(), 1, 1024),
            "cores",
            "Threads that compute; 'cores' is one per core.");

    public static final Setting<Duration> DRAIN_TIMEOUT = Setting.of(
            "drain-timeout",
            "TIME",
            SettingType.duration(Duration.ofDays(1)),
            "30s",
            "How long running requests may go on after SIGTERM or Ctrl-C.");

    public static final Setting<LogLevel> LOG_LEVEL = Setting.of(
            "log-level",
            "LEVEL",
            SettingType.choice(LogLevel.class),
            "info",
            "How much is logged: error, warn, info, debug or trace.");

    /** Settings of models and engine, which {@code bench} has too. */
    public static final List<Setting<?>> ENGINE = List.of(
            MODEL,
            DeviceSettings.DEVICE,
            DeviceSettings.ONNXRUNTIME_LIBRARY,
            DeviceSettings.KV_DTYPE,
            DTYPE,
            THREADS,
            EngineOptions.MAX_SEQUENCES,
            EngineOptions.MAX_QUEUE,
            EngineOptions.MAX_BATCH_TOKENS,
            EngineOptions.KV_MEMORY,
            EngineOptions.PREFIX_CACHE_MEMORY,
            EngineOptions.DERIVED_BLOCKS_MEMORY,
            EngineOptions.DERIVED_BLOCKS_IDLE);

    /** All settings, in the order of help and documentation. */
    public static final List<Setting<?>> ALL = List.of(
            MODEL,
            HttpSettings.HOST,
            HttpSettings.PORT,
            DeviceSettings.DEVICE,
            DeviceSettings.ONNXRUNTIME_LIBRARY,
            DeviceSettings.KV_DTYPE,
            DTYPE,
            THREADS,
            EngineOptions.MAX_SEQUENCES,
            EngineOptions.MAX_QUEUE,
            EngineOptions.MAX_BATCH_TOKENS,
            EngineOptions.KV_MEMORY,
            EngineOptions.PREFIX_CACHE_MEMORY,
            EngineOptions.DERIVED_BLOCKS_MEMORY,
            EngineOptions.DERIVED_BLOCKS_IDLE,
            HttpSettings.API_KEY,
            HttpSettings.CORS_ORIGIN,
            HttpSettings.MAX_BODY,
            HttpSettings.MAX_REQUESTS,
            FolderSettings.DATA_FOLDER,
            FolderSettings.EXPORT_FOLDER,
            FolderSettings.CHECKPOINT_FOLDER,
            FolderSettings.DELTAS,
            JobOptions.TRAINING_DEVICE,
            JobOptions.TRAINING_MEMORY,
            JobOptions.TRAINING_THREADS,
            JobOptions.MAX_FILE,
            JobOptions.MAX_FILES,
            DRAIN_TIMEOUT,
            LOG_LEVEL,
            CONFIG);

    /** @throws SlayerException 400 naming the option, the value and the allowed range */
    public ServeSettings {
        models = List.copyOf(models);
        if (models.isEmpty()) {
            throw SlayerException.badRequest(MODEL.option(), "--model: there is no model to serve.");
        }
        Set<String> names = new HashSet<>();
        for (ModelSource model : models) {
            if (!names.add(model.name())) {
                throw SlayerException.badRequest(
                        MODEL.option(),
                        "--model: two models have the name '" + model.name() + "'; name one of them with NAME=DIR.");
            }
        }
        Objects.requireNonNull(device);
        Objects.requireNonNull(weightType);
        THREADS.require(threads);
        Objects.requireNonNull(engine);
        Objects.requireNonNull(derivedBlocks);
        Objects.requireNonNull(http);
        Objects.requireNonNull(folders);
        Objects.requireNonNull(jobs);
        DRAIN_TIMEOUT.require(drainTimeout);
        Objects.requireNonNull(logLevel);
    }

    /** On the processor, with the default limits of training. */
    public ServeSettings(
            List<ModelSource> models,
            WeightType weightType,
            int threads,
            EngineSettings engine,
            DerivedBlocks derivedBlocks,
            HttpSettings http,
            FolderSettings folders,
            Duration drainTimeout,
            LogLevel logLevel) {
        this(
                models,
                DeviceSettings.CPU,
                weightType,
                threads,
                engine,
                derivedBlocks,
                http,
                folders,
                JobSettings.DEFAULTS,
                drainTimeout,
                logLevel);
    }

    /**
     * Settings from wherever they were written.
     *
     * @param embedded the model that is served when none is named
     * @throws SlayerException 400 naming the option, the value and the allowed range
     */
    public static ServeSettings from(SettingValues values, Path embedded) {
        return new ServeSettings(
                modelsFrom(values, embedded),
                DeviceSettings.from(values),
                weightTypeFrom(values),
                values.one(THREADS),
                EngineOptions.engine(values),
                EngineOptions.derivedBlocks(values),
                HttpSettings.from(values),
                FolderSettings.from(values),
                JobOptions.from(values),
                values.one(DRAIN_TIMEOUT),
                values.one(LOG_LEVEL));
    }

    /** The same server at another address, with other folders. */
    public ServeSettings with(HttpSettings address, FolderSettings others) {
        return new ServeSettings(
                models,
                device,
                weightType,
                threads,
                engine,
                derivedBlocks,
                address,
                others,
                jobs,
                drainTimeout,
                logLevel);
    }

    /** The same with {@code --prefix-cache-memory 0}. */
    public ServeSettings withoutPrefixCache() {
        EngineSettings plain =
                new EngineSettings(engine.maxSequences(), engine.maxQueue(), engine.maxBatchTokens(), engine.kvBytes());
        return new ServeSettings(
                models, device, weightType, threads, plain, derivedBlocks, http, folders, jobs, drainTimeout, logLevel);
    }

    private static WeightType weightTypeFrom(SettingValues values) {
        boolean cuda = values.one(DeviceSettings.DEVICE).cuda();
        WeightType type = values.optional(DTYPE).orElse(cuda ? WeightType.BF16 : WeightType.FP32);
        boolean there = switch (type) {
            case FP32 -> !cuda;
            case BF16, FP16 -> cuda;
            case INT8, INT4 -> true;
        };
        if (!there) {
            throw SlayerException.badRequest(
                    DTYPE.option(),
                    "--dtype=" + type.name().toLowerCase(Locale.ROOT) + " is not there with --device "
                            + (cuda ? "cuda; allowed: bf16, fp16, int8, int4." : "cpu; allowed: fp32, int8, int4."));
        }
        return type;
    }

    private static List<ModelSource> modelsFrom(SettingValues values, Path embedded) {
        List<ModelSource> named = values.all(MODEL);
        if (!named.isEmpty()) {
            return named;
        }
        if (!Files.isDirectory(embedded)) {
            throw SlayerException.badRequest(
                    MODEL.option(),
                    "--model is needed: the embedded model is not at " + embedded + "; name a checkpoint's directory.");
        }
        return List.of(new ModelSource("slayer-tiny", embedded));
    }
}
