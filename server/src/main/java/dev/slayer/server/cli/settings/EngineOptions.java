package dev.slayer.server.cli.settings;

import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.surgery.SlayerException;
import java.time.Duration;

/** The options behind {@link EngineSettings} and {@link DerivedBlocks}: what may run at once, in how much memory. */
public final class EngineOptions {
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
            SettingType.sizeOrShare(MachineMemory.bytes(), 1 << 20, 1L << 50),
            "25%",
            "Memory for keys and values of running sequences: a size, or a share of the machine's memory. On GPUs what"
                    + " is left unless it is given.");

    public static final Setting<Long> PREFIX_CACHE_MEMORY = Setting.of(
            "prefix-cache-memory",
            "SIZE",
            SettingType.sizeOrShare(MachineMemory.bytes(), 0, 1L << 50),
            "10%",
            "Memory for keys, values and scores of prompts that later ones may begin with: a size, or a share of the"
                    + " machine's memory; 0 for none. On GPUs a tenth of theirs unless it is given.");

    public static final Setting<Long> DERIVED_BLOCKS_MEMORY = Setting.of(
            "derived-blocks-memory",
            "SIZE",
            SettingType.sizeOrShare(MachineMemory.bytes(), 0, 1L << 50),
            "10%",
            "Memory for averaged and merged blocks of edited models: a size, or a share of the machine's memory. On"
                    + " GPUs a tenth of theirs unless it is given.");

    public static final Setting<Duration> DERIVED_BLOCKS_IDLE = Setting.of(
            "derived-blocks-idle",
            "TIME",
            SettingType.duration(Duration.ofDays(365)),
            "10m",
            "How long such a block stays in memory when no request uses it.");

    private EngineOptions() {}

    /**
     * Limits of the engine, as given.
     *
     * @throws SlayerException 400 if a step has fewer tokens than sequences
     */
    static EngineSettings engine(SettingValues values) {
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

    static DerivedBlocks derivedBlocks(SettingValues values) {
        return new DerivedBlocks(values.one(DERIVED_BLOCKS_MEMORY), values.one(DERIVED_BLOCKS_IDLE));
    }
}
