package dev.slayer.server.engine.block;

import java.time.Duration;

/**
 * Limits of blocks that are made from recipes or trained by deltas, beyond the checkpoints' own layers, and of heads likewise.
 *
 * @param maxBytes memory that they may take together
 * @param idle how long one that nobody uses stays
 */
public record DerivedBlocks(long maxBytes, Duration idle) {
    /** A quarter of a gigabyte; ten minutes. */
    public static final DerivedBlocks DEFAULTS = new DerivedBlocks(1L << 28, Duration.ofMinutes(10));

    /** @throws IllegalArgumentException naming the setting, its value and the allowed range */
    public DerivedBlocks {
        if (maxBytes < 0) {
            throw new IllegalArgumentException(
                    "derived-blocks-memory=" + maxBytes + " is out of range; allowed: 0 or more");
        }
        if (idle.isNegative()) {
            throw new IllegalArgumentException("derived-blocks-idle=" + idle + " is out of range; allowed: 0 or more");
        }
    }

    /**
     * What there is now.
     *
     * @param blocks derived blocks and heads in memory or being made
     * @param bytes their memory
     * @param maxBytes what it may be
     */
    public record Use(int blocks, long bytes, long maxBytes) {}
}
