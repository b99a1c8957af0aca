package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;

/**
 * How a device's graphs are built and run.
 *
 * @param type of activations and plain weights
 * @param kvType of keys and values: that of the activations, or FLOAT8E4M3FN
 * @param attentionDomain domain of the operator PagedAttention
 * @param pageRows rows of a KV page
 * @param metadata elements of the operator's attention_metadata; 0 where the library has no such input, and looks at the device instead
 * @param maxSequences that one run of attention may hold
 * @param headRows rows whose logits are in memory at once
 * @param recordAfter how often a run of pure decoding is seen before it is recorded and replayed as a CUDA graph; 0 for never
 */
public record PackedOptions(
        ElementType type,
        ElementType kvType,
        String attentionDomain,
        int pageRows,
        int metadata,
        int maxSequences,
        int headRows,
        int recordAfter) {
    /** Whether keys and values are kept smaller than they are computed. */
    boolean quantizesKv() {
        return kvType != type;
    }

    /** Recordings that a session keeps: each takes memory until the session ends, whatever becomes of its block. */
    static final int MOST_RECORDINGS = 4096;

    public PackedOptions {
        if (kvType != type && kvType != ElementType.FLOAT8E4M3FN) {
            throw new IllegalArgumentException("kvType=" + kvType + "; allowed: " + type + " or FLOAT8E4M3FN");
        }
        if (Integer.bitCount(pageRows) != 1 || metadata < 0 || metadata > 3 || headRows < 1 || maxSequences < 1) {
            throw new IllegalArgumentException("pageRows=" + pageRows + ", metadata=" + metadata + ", headRows="
                    + headRows + ", maxSequences=" + maxSequences
                    + "; allowed: a power of two, 0 to 3, 1 or more, 1 or more");
        }
    }
}
