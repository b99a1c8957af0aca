package dev.slayer.surgery.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongConsumer;

/** Writes safetensors files, one tensor in memory at a time. */
public final class ShardWriter {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int ALIGNMENT = 8;
    private static final int LENGTH_BYTES = 8;
    private static final long PIECE = 8 << 20;

    private ShardWriter() {}

    /** How many bytes the file will have. */
    public static long size(List<TensorItem> items) throws IOException {
        return LENGTH_BYTES
                + header(items).length
                + items.stream().mapToLong(TensorItem::bytes).sum();
    }

    /**
     * Writes a file and waits until the device has it.
     *
     * @param items wider elements best come first, so that every tensor is aligned to its elements
     * @param written is told how many bytes of tensors more were written
     * @throws java.nio.channels.ClosedByInterruptException if the thread is interrupted
     */
    public static void write(Path file, List<TensorItem> items, LongConsumer written) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            byte[] header = header(items);
            writeFully(
                    channel,
                    ByteBuffer.allocate(LENGTH_BYTES + header.length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(header.length)
                            .put(header)
                            .flip());
            for (TensorItem item : items) {
                try (Arena arena = Arena.ofShared()) {
                    write(channel, item, item.make().apply(arena), written);
                }
            }
            channel.force(true);
        }
    }

    private static void write(FileChannel channel, TensorItem item, Tensor tensor, LongConsumer written)
            throws IOException {
        MemorySegment data = tensor.data();
        if (data.byteSize() != item.bytes() || tensor.dtype() != item.dtype()) {
            throw new IllegalStateException(item.name() + " is not what was planned: " + tensor);
        }
        for (long at = 0; at < data.byteSize(); at += PIECE) {
            long length = Math.min(PIECE, data.byteSize() - at);
            writeFully(channel, data.asSlice(at, length).asByteBuffer());
            written.accept(length);
        }
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** JSON, filled up with spaces so that the data after it is aligned. */
    private static byte[] header(List<TensorItem> items) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        long at = 0;
        for (TensorItem item : items) {
            ObjectNode entry =
                    header.putObject(item.name()).put("dtype", item.dtype().name());
            item.shape().forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(at).add(at + item.bytes());
            at += item.bytes();
        }
        byte[] text = JSON.writeValueAsBytes(header);
        byte[] padded = Arrays.copyOf(text, (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        return padded;
    }
}
