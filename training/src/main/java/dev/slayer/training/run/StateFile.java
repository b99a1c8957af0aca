package dev.slayer.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.torch.Tensors;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.CRC32C;
import org.bytedeco.pytorch.Tensor;

/**
 * Float32 vectors in a file, in the safetensors format, with a checksum beside each: what a run goes on from. Straight from and to
 * the tensors' memory, a few megabytes at a time.
 */
final class StateFile {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PIECE = 1 << 20; // numbers
    private static final int LENGTH_BYTES = 8;
    private static final int MAX_HEADER = 1 << 20;

    private StateFile() {}

    /** Writes a new file and waits until the device has it. */
    static Map<String, Long> write(Path file, Map<String, Tensor> vectors) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        long offset = 0;
        for (Map.Entry<String, Tensor> vector : vectors.entrySet()) {
            long bytes = vector.getValue().numel() * Float.BYTES;
            ObjectNode entry = header.putObject(vector.getKey());
            entry.put("dtype", "F32").putArray("shape").add(vector.getValue().numel());
            entry.putArray("data_offsets").add(offset).add(offset + bytes);
            offset += bytes;
        }
        Map<String, Long> checksums = new LinkedHashMap<>();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer text = padded(header);
            ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            writeAll(channel, length.putLong(text.remaining()).flip());
            writeAll(channel, text);
            for (Map.Entry<String, Tensor> vector : vectors.entrySet()) {
                CRC32C sum = new CRC32C();
                Tensors.each(vector.getValue(), PIECE, false, memory -> {
                    ByteBuffer piece = memory.asByteBuffer();
                    sum.update(piece.duplicate());
                    writeAll(channel, piece);
                });
                checksums.put(vector.getKey(), sum.getValue());
            }
            channel.force(true);
        }
        return checksums;
    }

    /**
     * Reads a file into vectors of the same names and lengths.
     *
     * @param checksums as {@link #write} returned them
     * @throws SlayerException 400 if the file is damaged or of another run
     */
    static void read(Path file, Map<String, Tensor> vectors, Map<String, Long> checksums) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            readAll(channel, length);
            long headerBytes = length.flip().getLong();
            if (headerBytes < 2 || headerBytes > MAX_HEADER) {
                throw damaged(file, "its header would have " + headerBytes + " bytes", null);
            }
            ByteBuffer text = ByteBuffer.allocate((int) headerBytes);
            readAll(channel, text);
            ObjectNode header = (ObjectNode) JSON.readTree(text.array());
            for (Map.Entry<String, Tensor> vector : vectors.entrySet()) {
                long elements =
                        header.path(vector.getKey()).path("shape").path(0).asLong(-1);
                long at = header.path(vector.getKey())
                        .path("data_offsets")
                        .path(0)
                        .asLong(-1);
                if (elements != vector.getValue().numel() || at < 0) {
                    throw damaged(
                            file,
                            vector.getKey() + " has " + elements + " numbers, not "
                                    + vector.getValue().numel(),
                            null);
                }
                channel.position(LENGTH_BYTES + headerBytes + at);
                CRC32C sum = new CRC32C();
                Tensors.each(vector.getValue(), PIECE, true, memory -> {
                    ByteBuffer piece = memory.asByteBuffer();
                    readAll(channel, piece);
                    sum.update(piece.flip());
                });
                if (!checksums.getOrDefault(vector.getKey(), -1L).equals(sum.getValue())) {
                    throw damaged(file, "the checksum of " + vector.getKey() + " is not what it was", null);
                }
            }
        } catch (IOException | ClassCastException e) {
            throw damaged(file, e.toString(), e);
        }
    }

    private static ByteBuffer padded(ObjectNode header) throws JsonProcessingException {
        byte[] text = JSON.writeValueAsBytes(header);
        int padding = (LENGTH_BYTES - text.length % LENGTH_BYTES) % LENGTH_BYTES;
        return ByteBuffer.allocate(text.length + padding)
                .put(text)
                .put(" ".repeat(padding).getBytes(StandardCharsets.US_ASCII))
                .flip();
    }

    private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            var _ = channel.write(bytes);
        }
    }

    private static void readAll(FileChannel channel, ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (channel.read(into) < 0) {
                throw new IOException("the file ends too early");
            }
        }
    }

    private static SlayerException damaged(Path file, String why, Exception cause) {
        return new SlayerException(
                400,
                "checkpoint_damaged",
                "resume",
                file + " cannot be gone on from: " + why + "; go on from an older checkpoint, or begin anew",
                cause);
    }
}
