package dev.slayer.server.engine;

/**
 * Limits of an engine.
 *
 * @param maxSequences sequences that run at once
 * @param maxQueue sequences that wait
 * @param maxBatchTokens rows of one step; at least maxSequences, so that every running sequence can decode
 * @param kvBytes memory for KV of running sequences
 * @param prefixBytes memory for KV and scores of prefixes that later sequences may begin with; 0 for none
 */
public record EngineSettings(int maxSequences, int maxQueue, int maxBatchTokens, long kvBytes, long prefixBytes) {
    /** @throws IllegalArgumentException naming the setting, its value and the allowed range */
    public EngineSettings {
        if (maxSequences < 1) {
            throw new IllegalArgumentException(
                    "max-sequences=" + maxSequences + " is out of range; allowed: 1 or more");
        }
        if (maxQueue < 0) {
            throw new IllegalArgumentException("max-queue=" + maxQueue + " is out of range; allowed: 0 or more");
        }
        if (maxBatchTokens < maxSequences) {
            throw new IllegalArgumentException("max-batch-tokens=" + maxBatchTokens
                    + " is out of range; allowed: max-sequences=" + maxSequences + " or more");
        }
        if (kvBytes < 1) {
            throw new IllegalArgumentException("kv-memory=" + kvBytes + " is out of range; allowed: 1 byte or more");
        }
        if (prefixBytes < 0) {
            throw new IllegalArgumentException(
                    "prefix-cache-memory=" + prefixBytes + " is out of range; allowed: 0 bytes or more");
        }
    }

    /** Without a prefix cache. */
    public EngineSettings(int maxSequences, int maxQueue, int maxBatchTokens, long kvBytes) {
        this(maxSequences, maxQueue, maxBatchTokens, kvBytes, 0);
    }
}
