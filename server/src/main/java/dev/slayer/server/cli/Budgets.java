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
    private static final int TRAINING_SHARE = 4; // likewise

    /** Of the processor's memory: as set; nothing for jobs that train on a GPU. */
    static Budgets ofHost(ServeSettings settings) {
        return new Budgets(
                OptionalLong.of(settings.engine().kvBytes()),
                settings.derivedBlocks().maxBytes(),
                settings.engine().prefixBytes(),
                settings.jobs().device().gpu() ? 0 : settings.jobs().memoryBytes(),
                settings.engine().maxSequences(),
                settings.engine().maxBatchTokens());
    }

    /**
     * Of a GPU's memory: as set, but where nobody has set it the defaults' shares are of the GPU's memory, not of the machine's, and KV
     * gets what is left. Jobs take something of the GPU that they train on. Steps are larger than the processor's.
     *
     * @param id of the GPU
     */
    static Budgets ofDevice(ServeSettings settings, int id, long totalBytes) {
        DeviceSettings.Given given = settings.device().given();
        int sequences = given.maxSequences() ? settings.engine().maxSequences() : DEVICE_SEQUENCES;
        return new Budgets(
                given.kv() ? OptionalLong.of(settings.engine().kvBytes()) : OptionalLong.empty(),
                given.derivedBlocks() ? settings.derivedBlocks().maxBytes() : totalBytes / USUAL_SHARE,
                given.prefixCache() ? settings.engine().prefixBytes() : totalBytes / USUAL_SHARE,
                trainsOn(settings, id) ? training(settings, totalBytes) : 0,
                sequences,
                given.maxBatchTokens() ? settings.engine().maxBatchTokens() : Math.max(DEVICE_ROWS, sequences));
    }

    /** Whether jobs train on a GPU. */
    static boolean trainsOn(ServeSettings settings, int id) {
        return settings.jobs().device().name().equals("cuda:" + id);
    }

    /** Of the memory of the GPU that jobs train on. */
    static long training(ServeSettings settings, long totalBytes) {
        return settings.device().given().training() ? settings.jobs().memoryBytes() : totalBytes / TRAINING_SHARE;
    }
}
