package dev.slayer.server.cli.settings;

import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.surgery.SlayerException;
import java.lang.management.ManagementFactory;
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
 * @param precision of the weights in memory
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
        Precision precision,
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

    public static final Setting<Precision> DTYPE = Setting.optional(
            "dtype",
            "TYPE",
            SettingType.choice(Precision.class),
            "fp32 on the processor, bf16 on GPUs",
            "Weights in memory: fp32 (exact; the processor only), bf16 or fp16 (GPUs only), int8 or int4 (quantized while loading).");

    public static final Setting<Integer> THREADS = Setting.of(
            "threads",
            "N",
            SettingType.integerOr("cores", Runtime.getRuntime().availableProcessors(), 1, 1024),
            "cores",
            "Threads that compute; 'cores' is one per core.");

    public static final Setting<Integer> MAX_SEQUENCES = Setting.of(
            "max-sequences",
            "N",
            SettingType.integer(1, 65_536),
            "64",
            "Sequences that run at once; others wait. On GPUs 256 unless it is given.");

    public static final Setting<Integer> MAX_QUEUE = Setting.of(
            "max-queue",
            "N",
            SettingType.integer(0, 1_000_000),
            "1024",
            "Sequences that may wait; beyond it requests get status 429.");

    public static final Setting<Integer> MAX_BATCH_TOKENS = Setting.of(
            "max-batch-tokens",
            "N",
            SettingType.integer(1, 1_048_576),
            "512",
            "Tokens that one step computes, prompts and answers together; at least max-sequences. On GPUs 2048 unless it is given.");

    public static final Setting<Long> KV_MEMORY = Setting.of(
            "kv-memory",
            "SIZE",
            SettingType.sizeOrShare(machineMemory(), 1 << 20, 1L << 50),
            "25%",
            "Memory for keys and values of running sequences: a size, or a share of the machine's memory. On GPUs what"
                    + " is left unless it is given.");

    public static final Setting<Long> PREFIX_CACHE_MEMORY = Setting.of(
            "prefix-cache-memory",
            "SIZE",
            SettingType.sizeOrShare(machineMemory(), 0, 1L << 50),
            "10%",
            "Memory for keys, values and scores of prompts that later ones may begin with: a size, or a share of the"
                    + " machine's memory; 0 for none. On GPUs a tenth of theirs unless it is given.");

    public static final Setting<Long> DERIVED_BLOCKS_MEMORY = Setting.of(
            "derived-blocks-memory",
            "SIZE",
            SettingType.sizeOrShare(machineMemory(), 0, 1L << 50),
            "10%",
            "Memory for averaged and merged blocks of edited models: a size, or a share of the machine's memory. On"
                    + " GPUs a tenth of theirs unless it is given.");

    public static final Setting<Duration> DERIVED_BLOCKS_IDLE = Setting.of(
            "derived-blocks-idle",
            "TIME",
            SettingType.duration(Duration.ofDays(365)),
            "10m",
            "How long such a block stays in memory when no request uses it.");

    public static final Setting<String> HOST = Setting.of(
            "host", "ADDRESS", SettingType.text(), "127.0.0.1", "Address to listen on; 0.0.0.0 is every network.");

    public static final Setting<Integer> PORT = Setting.of(
            "port", "PORT", SettingType.integer(0, 65_535), "8000", "Port to listen on; 0 takes any free one.");

    public static final Setting<String> API_KEY = Setting.repeatable(
            "api-key",
            "KEY",
            SettingType.text(),
            "none, everybody may call",
            "Key that clients must send as bearer token; better in the environment, where other users cannot see it.");

    public static final Setting<String> CORS_ORIGIN = Setting.repeatable(
            "cors-origin",
            "ORIGIN",
            SettingType.text(),
            "none",
            "Web origin whose pages may call the API, or '*' for every origin.");

    public static final Setting<Long> MAX_BODY =
            Setting.of("max-body", "SIZE", SettingType.size(1 << 10, 1 << 30), "64MiB", "Longest request body.");

    public static final Setting<Integer> MAX_REQUESTS = Setting.of(
            "max-requests",
            "N",
            SettingType.integer(1, 1_000_000),
            "1024",
            "Requests answered at once; more get status 429.");

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

    public static final Setting<Long> TRAINING_MEMORY = Setting.of(
            "training-memory",
            "SIZE",
            SettingType.sizeOrShare(machineMemory(), 0, 1L << 50),
            "25%",
            "Memory that a fine-tuning job may need, by its estimate: a size, or a share of the machine's memory.");

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
            MAX_SEQUENCES,
            MAX_QUEUE,
            MAX_BATCH_TOKENS,
            KV_MEMORY,
            PREFIX_CACHE_MEMORY,
            DERIVED_BLOCKS_MEMORY,
            DERIVED_BLOCKS_IDLE);

    /** All settings, in the order of help and documentation. */
    public static final List<Setting<?>> ALL = List.of(
            MODEL,
            HOST,
            PORT,
            DeviceSettings.DEVICE,
            DeviceSettings.ONNXRUNTIME_LIBRARY,
            DeviceSettings.KV_DTYPE,
            DTYPE,
            THREADS,
            MAX_SEQUENCES,
            MAX_QUEUE,
            MAX_BATCH_TOKENS,
            KV_MEMORY,
            PREFIX_CACHE_MEMORY,
            DERIVED_BLOCKS_MEMORY,
            DERIVED_BLOCKS_IDLE,
            API_KEY,
            CORS_ORIGIN,
            MAX_BODY,
            MAX_REQUESTS,
            DATA_FOLDER,
            EXPORT_FOLDER,
            CHECKPOINT_FOLDER,
            DELTAS,
            TRAINING_MEMORY,
            TRAINING_THREADS,
            MAX_FILE,
            MAX_FILES,
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
        Objects.requireNonNull(precision);
        THREADS.require(threads);
        Objects.requireNonNull(engine);
        Objects.requireNonNull(derivedBlocks);
        Objects.requireNonNull(http);
        Objects.requireNonNull(folders);
        Objects.requireNonNull(jobs);
        DRAIN_TIMEOUT.require(drainTimeout);
        Objects.requireNonNull(logLevel);
    }

    /** On the processor. */
    public ServeSettings(
            List<ModelSource> models,
            Precision precision,
            int threads,
            EngineSettings engine,
            DerivedBlocks derivedBlocks,
            HttpSettings http,
            FolderSettings folders,
            JobSettings jobs,
            Duration drainTimeout,
            LogLevel logLevel) {
        this(
                models,
                DeviceSettings.CPU,
                precision,
                threads,
                engine,
                derivedBlocks,
                http,
                folders,
                jobs,
                drainTimeout,
                logLevel);
    }

    /** On the processor, with the default limits of training. */
    public ServeSettings(
            List<ModelSource> models,
            Precision precision,
            int threads,
            EngineSettings engine,
            DerivedBlocks derivedBlocks,
            HttpSettings http,
            FolderSettings folders,
            Duration drainTimeout,
            LogLevel logLevel) {
        this(
                models,
                precision,
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
                precisionFrom(values),
                values.one(THREADS),
                engineFrom(values),
                new DerivedBlocks(values.one(DERIVED_BLOCKS_MEMORY), values.one(DERIVED_BLOCKS_IDLE)),
                new HttpSettings(
                        values.one(HOST),
                        values.one(PORT),
                        values.all(API_KEY),
                        values.all(CORS_ORIGIN),
                        values.one(MAX_BODY),
                        values.one(MAX_REQUESTS)),
                FolderSettings.from(values),
                jobsFrom(values),
                values.one(DRAIN_TIMEOUT),
                values.one(LOG_LEVEL));
    }

    /** The same server at another address, with other folders. */
    public ServeSettings with(HttpSettings address, FolderSettings others) {
        return new ServeSettings(
                models,
                device,
                precision,
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
                models, device, precision, threads, plain, derivedBlocks, http, folders, jobs, drainTimeout, logLevel);
    }

    private static Precision precisionFrom(SettingValues values) {
        boolean cuda = values.one(DeviceSettings.DEVICE).cuda();
        Precision precision = values.optional(DTYPE).orElse(cuda ? Precision.BF16 : Precision.FP32);
        boolean there = switch (precision) {
            case FP32 -> !cuda;
            case BF16, FP16 -> cuda;
            case INT8, INT4 -> true;
        };
        if (!there) {
            throw SlayerException.badRequest(
                    DTYPE.option(),
                    "--dtype=" + precision.name().toLowerCase(Locale.ROOT) + " is not there with --device "
                            + (cuda ? "cuda; allowed: bf16, fp16, int8, int4." : "cpu; allowed: fp32, int8, int4."));
        }
        return precision;
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

    private static EngineSettings engineFrom(SettingValues values) {
        int maxSequences = values.one(MAX_SEQUENCES);
        int maxBatchTokens = values.one(MAX_BATCH_TOKENS);
        if (maxBatchTokens < maxSequences) {
            throw SlayerException.badRequest(
                    MAX_BATCH_TOKENS.option(),
                    "--max-batch-tokens=" + maxBatchTokens + " is out of range; allowed: --max-sequences="
                            + maxSequences + " or more, so that every running sequence gets its token in each step.");
        }
        return new EngineSettings(
                maxSequences,
                values.one(MAX_QUEUE),
                maxBatchTokens,
                values.one(KV_MEMORY),
                values.one(PREFIX_CACHE_MEMORY));
    }

    private static JobSettings jobsFrom(SettingValues values) {
        return new JobSettings(
                values.one(TRAINING_MEMORY), values.one(TRAINING_THREADS), values.one(MAX_FILE), values.one(MAX_FILES));
    }

    /** Bytes of memory of this machine; in a container, what that may have. */
    public static long machineMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean machine
                ? machine.getTotalMemorySize()
                : Runtime.getRuntime().maxMemory();
    }
}
