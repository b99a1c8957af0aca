package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;

/**
 * How a device's graphs are built and run.
 *
 * @param type of activations and plain weights
 * @param kvType of keys and values: that of the activations, FLOAT8E4M3FN with one scale of 1, or INT8 with scales for each channel
 * @param attentionDomain domain of the operator PagedAttention
 * @param pageRows rows of a KV page
 * @param metadata elements of the operator's attention_metadata; 0 where the library has no such input, and looks at the device instead
 * @param maxSequences that one run of attention may hold
 * @param stagedRows of quantized keys and values that one run of attention may widen, where more sequences than one take part; see {@link
 *     TurnSplit}
 * @param headRows rows whose logits are in memory at once
 * @param maxKvNumbers that the keys of all pages together may have, or the values; the library would write anywhere with more
 * @param recordAfter how often a run of pure decoding is seen before it is recorded and replayed as a CUDA graph; 0 for never
 */
public record PackedOptions(
        ElementType type,
        ElementType kvType,
        String attentionDomain,
        int pageRows,
        int metadata,
        int maxSequences,
        int stagedRows,
        int headRows,
        long maxKvNumbers,
        int recordAfter) {
    /** Whether keys and values are kept smaller than they are computed. */
    boolean quantizesKv() {
        return kvType != type;
    }

    /** Whether scales of keys and values are found out for each block. */
    boolean calibratesKv() {
        return kvType == ElementType.INT8;
    }

    /** The same with keys and values as they are computed, and nothing recorded. */
    PackedOptions unquantized() {
        return new PackedOptions(
                type, type, attentionDomain, pageRows, metadata, maxSequences, stagedRows, headRows, maxKvNumbers, 0);
    }

    /** Recordings that a session keeps: each takes memory until the session ends, whatever becomes of its block. */
    static final int MOST_RECORDINGS = 4096;

    public PackedOptions {
        if (kvType != type && kvType != ElementType.FLOAT8E4M3FN && kvType != ElementType.INT8) {
            throw new IllegalArgumentException("kvType=" + kvType + "; allowed: " + type + ", FLOAT8E4M3FN or INT8");
        }
        if (Integer.bitCount(pageRows) != 1
                || metadata < 0
                || metadata > 3
                || headRows < 1
                || maxSequences < 1
                || stagedRows < 1) {
            throw new IllegalArgumentException("pageRows=" + pageRows + ", metadata=" + metadata + ", headRows="
                    + headRows + ", maxSequences=" + maxSequences + ", stagedRows=" + stagedRows
                    + "; allowed: a power of two, 0 to 3, and 1 or more of the others");
        }
    }
}
