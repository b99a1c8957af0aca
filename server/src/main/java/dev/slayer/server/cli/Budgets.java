package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.DeviceSettings;
import dev.slayer.server.cli.settings.ServeSettings;
import java.util.OptionalLong;

/**
 * What may be taken of a memory in time, and how large a step is.
 *
 * @param kv of running sequences; empty for what is left
 * @param derived blocks
 * @param prefix cache
 * @param training of a job
 * @param maxSequences of a step
 * @param maxBatchTokens rows of a step
 */
record Budgets(OptionalLong kv, long derived, long prefix, long training, int maxSequences, int maxBatchTokens) {
    /** Reading the weights once serves so many sequences for little more than one. */
    private static final int DEVICE_SEQUENCES = 256;

    /** Of prompts: enough for matrix products to be bound by arithmetic, few enough not to hold up those that decode. */
    private static final int DEVICE_ROWS = 2048;

    private static final int USUAL_SHARE = 10; // one part in so many, as the defaults are of the machine's memory

    /** Of the processor's memory: as set. */
    static Budgets ofHost(ServeSettings settings) {
        return new Budgets(
                OptionalLong.of(settings.engine().kvBytes()),
                settings.derivedBlocks().maxBytes(),
                settings.engine().prefixBytes(),
                settings.jobs().memoryBytes(),
                settings.engine().maxSequences(),
                settings.engine().maxBatchTokens());
    }

    /**
     * Of a GPU's memory: as set, but where nobody has set it the defaults' shares are of the GPU's memory, not of the machine's, and KV
     * gets what is left. Jobs train on the processor and take nothing here. Steps are larger than the processor's.
     */
    static Budgets ofDevice(ServeSettings settings, long totalBytes) {
        DeviceSettings.Given given = settings.device().given();
        int sequences = given.maxSequences() ? settings.engine().maxSequences() : DEVICE_SEQUENCES;
        return new Budgets(
                given.kv() ? OptionalLong.of(settings.engine().kvBytes()) : OptionalLong.empty(),
                given.derivedBlocks() ? settings.derivedBlocks().maxBytes() : totalBytes / USUAL_SHARE,
                given.prefixCache() ? settings.engine().prefixBytes() : totalBytes / USUAL_SHARE,
                0,
                sequences,
                given.maxBatchTokens() ? settings.engine().maxBatchTokens() : Math.max(DEVICE_ROWS, sequences));
    }
}
