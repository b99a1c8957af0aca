package dev.slayer.surgery.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a safetensors file says about itself, checked against the file's length.
 *
 * <p>The format, after the README of huggingface/safetensors: 8 bytes little-endian header length, at most 100 MB; the header,
 * a JSON object that maps names to dtype, shape and data_offsets; then the data, which the offsets must cover without overlap
 * or hole.
 *
 * @param dataStart position in the file of the first data byte
 * @param entries in the order of their data; an empty tensor comes before its neighbour
 */
record SafetensorsHeader(long dataStart, Map<String, Entry> entries) {
    private static final int LENGTH_BYTES = 8;
    private static final long HEADER_LIMIT = 100_000_000;

    /**
     * A tensor's place.
     *
     * @param dtype element type in the format's words, not only those that this project reads
     * @param begin position of its first byte in the data
     * @param end position after its last byte in the data
     */
    record Entry(String name, String dtype, List<Long> shape, long begin, long end) {}

    /**
     * Reads and checks a header. Reads through the channel, not a mapping, so a file that shrinks meanwhile is an exception.
     *
     * @param file for messages
     * @param size the file's length in bytes
     */
    static SafetensorsHeader read(Path file, FileChannel channel, long size) throws IOException {
        if (size < LENGTH_BYTES) {
            throw new CheckpointException(
                    file, "is truncated: it has " + size + " bytes, fewer than the 8 of the header's length");
        }
        ByteBuffer head = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (head.hasRemaining()) {
            if (channel.read(head, head.position()) < 0) {
                throw new CheckpointException(file, "shrank while it was read");
            }
        }
        long length = head.getLong(0);
        if (length < 0 || length > HEADER_LIMIT) {
            throw new CheckpointException(
                    file,
                    "gives a header length of " + Long.toUnsignedString(length)
                            + " bytes; the format allows at most "
                            + HEADER_LIMIT);
        }
        if (length > size - LENGTH_BYTES) {
            throw new CheckpointException(
                    file,
                    "is truncated: its header should have " + length + " bytes, but only " + (size - LENGTH_BYTES)
                            + " follow the header's length");
        }
        long dataStart = LENGTH_BYTES + length;
        long dataBytes = size - dataStart;
        List<Entry> entries = new HeaderParser(file, dataBytes).parse(channel, LENGTH_BYTES, dataStart);
        return new SafetensorsHeader(dataStart, inDataOrder(file, entries, dataBytes));
    }

    private static Map<String, Entry> inDataOrder(Path file, List<Entry> entries, long dataBytes) {
        List<Entry> sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        Map<String, Entry> ordered = LinkedHashMap.newLinkedHashMap(sorted.size());
        String before = null;
        long at = 0;
        for (Entry entry : sorted) {
            if (entry.begin() < at) {
                throw new CheckpointException(
                        file,
                        "tensor '" + entry.name() + "' begins at data byte " + entry.begin() + " and overlaps tensor '"
                                + before + "', which ends at " + at);
            }
            if (entry.begin() > at) {
                throw new CheckpointException(
                        file,
                        "data bytes " + at + " to " + entry.begin() + " before tensor '" + entry.name()
                                + "' belong to no tensor, which the format forbids");
            }
            ordered.put(entry.name(), entry);
            before = entry.name();
            at = entry.end();
        }
        if (at != dataBytes) {
            throw new CheckpointException(
                    file,
                    "holds " + dataBytes + " bytes of data, but its tensors cover only " + at
                            + "; the format forbids the rest");
        }
        return ordered;
    }
}
