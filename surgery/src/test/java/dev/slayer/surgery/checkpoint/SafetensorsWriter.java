package dev.slayer.surgery.checkpoint;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A safetensors file in the making: its header is open to any mischief until it is written. */
final class SafetensorsWriter {
    static final ObjectMapper JSON = new ObjectMapper();

    final ObjectNode header = JSON.createObjectNode();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    SafetensorsWriter() {
        header.putObject("__metadata__").put("format", "pt");
    }

    /** Appends a tensor; its bytes must fit its shape only if the file is to be sound. */
    SafetensorsWriter add(String name, String dtype, List<Long> shape, byte[] bytes) {
        ObjectNode entry = header.putObject(name).put("dtype", dtype);
        shape.forEach(entry.putArray("shape")::add);
        entry.putArray("data_offsets").add(data.size()).add(data.size() + bytes.length);
        data.writeBytes(bytes);
        return this;
    }

    ObjectNode entry(String name) {
        return (ObjectNode) header.get(name);
    }

    /** Header text padded with spaces to whole 8 bytes, as the reference writer does. */
    byte[] headerBytes() {
        try {
            byte[] text = JSON.writeValueAsBytes(header);
            return (new String(text, StandardCharsets.UTF_8) + " ".repeat(-text.length & 7))
                    .getBytes(StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    byte[] data() {
        return data.toByteArray();
    }

    byte[] bytes() {
        byte[] text = headerBytes();
        return bytes(text.length, text, data());
    }

    /** A file put together by hand: what it says of its header's length, the header, the data. */
    static byte[] bytes(long length, byte[] header, byte[] data) {
        return ByteBuffer.allocate(8 + header.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put(header)
                .put(data)
                .array();
    }

    static byte[] bytes(String header, byte[] data) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        return bytes(text.length, text, data);
    }

    void write(Path file) throws IOException {
        Files.write(file, bytes());
    }
}
