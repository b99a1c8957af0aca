package dev.slayer.server.accelerator.runtime;

import java.util.ArrayList;
import java.util.List;

/**
 * What ONNX Runtime's attention operators on CUDA can do, by the version of the library: 1.24 to 1.31 differ. It follows the release's
 * schemas, since a library cannot be asked.
 *
 * @param attentionMetadata PagedAttention takes the lengths' bounds from the host, and no longer waits for the device in every node
 * @param capturableDecode a step of one token a sequence through PagedAttention can be recorded as a CUDA graph, by a third element of
 *     the metadata
 * @param cudnnDecode on Hopper and later such a step's attention over KV that is not quantized is cuDNN's, which plans it for each number of
 *     sequences and of pages that it meets
 * @param byteCache PagedAttention keeps KV as int8 or fp8
 * @param int4Cache PagedAttention keeps KV as int4
 * @param anyPageSize a KV page may have any power of two of rows from 16 on; otherwise multiples of 256 only
 * @param maxSequences of one PagedAttention call
 * @param maxKvNumbers that the keys of all pages together may have, or the values: before 1.29 the kernel that writes them counts with 32
 *     bits and would write anywhere
 */
public record OperatorSupport(
        boolean attentionMetadata,
        boolean capturableDecode,
        boolean cudnnDecode,
        boolean byteCache,
        boolean int4Cache,
        boolean anyPageSize,
        int maxSequences,
        long maxKvNumbers) {
    private static final int OLD_SEQUENCES = 256;

    /** Of a version from 1.24 on; later ones than 1.31 count as 1.31. */
    public static OperatorSupport of(LibraryVersion version) {
        boolean metadata = version.atLeast(1, 29);
        boolean decode = version.atLeast(1, 30);
        return new OperatorSupport(
                metadata,
                decode,
                version.atLeast(1, 31),
                metadata,
                decode,
                metadata,
                metadata ? Integer.MAX_VALUE : OLD_SEQUENCES,
                metadata ? Long.MAX_VALUE : Integer.MAX_VALUE);
    }

    /** Elements of the metadata that PagedAttention takes: longest query, longest KV, and the third where there is one; 0 for none. */
    public int metadataElements() {
        if (capturableDecode) {
            return 3;
        }
        return attentionMetadata ? 2 : 0;
    }

    /** Names of what there is, for people and programs. */
    public List<String> names() {
        List<String> names = new ArrayList<>(List.of("paged_attention", "group_query_attention"));
        add(names, attentionMetadata, "attention_metadata");
        add(names, capturableDecode, "paged_decode_graphs");
        add(names, cudnnDecode, "paged_decode_cudnn");
        add(names, byteCache, "kv_int8");
        add(names, byteCache, "kv_fp8");
        add(names, int4Cache, "kv_int4");
        add(names, anyPageSize, "kv_pages_of_16");
        return List.copyOf(names);
    }

    private static void add(List<String> names, boolean there, String name) {
        if (there) {
            names.add(name);
        }
    }
}
