package dev.slayer.server.cli.suite;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;

/** Writes a safetensors file of normal numbers in bfloat16, as fast as a disk takes them. */
final class RandomTensors {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int BUFFER_BYTES = 8 << 20;
    private static final int NUMBERS_OF_A_DRAW = Long.BYTES / Short.BYTES;
    private static final int DRAWS = 1 << Short.SIZE;

    /** Draws from a normal distribution, of which each number of a tensor takes one at random. */
    private static final float[] NORMAL = normal();

    private RandomTensors() {}

    /**
     * A tensor.
     *
     * @param shape sizes
     * @param scale standard deviation; 0 for a tensor of ones
     */
    record Spec(List<Long> shape, double scale) {
        long elements() {
            return shape.stream().reduce(1L, Math::multiplyExact);
        }
    }

    private static float[] normal() {
        Random random = new Random(7);
        float[] draws = new float[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            draws[i] = (float) random.nextGaussian();
        }
        return draws;
    }

    /** Writes a new file; equal names and shapes give equal numbers. */
    static void write(Path file, Map<String, Spec> tensors) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        long at = 0;
        for (Map.Entry<String, Spec> tensor : tensors.entrySet()) {
            ObjectNode entry = header.putObject(tensor.getKey()).put("dtype", "BF16");
            tensor.getValue().shape().forEach(entry.putArray("shape")::add);
            long end = at + tensor.getValue().elements() * Short.BYTES;
            entry.putArray("data_offsets").add(at).add(end);
            at = end;
        }
        byte[] text = JSON.writeValueAsString(header).getBytes(StandardCharsets.UTF_8);
        int padded = (text.length + 7) / 8 * 8;
        ByteBuffer head = ByteBuffer.allocate(Long.BYTES + padded).order(LITTLE_ENDIAN);
        head.putLong(padded).put(text);
        while (head.hasRemaining()) {
            head.put((byte) ' ');
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES).order(LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            writeAll(channel, head.flip());
            for (Map.Entry<String, Spec> tensor : tensors.entrySet()) {
                write(channel, buffer, tensor.getKey(), tensor.getValue());
            }
        }
    }

    private static void write(FileChannel channel, ByteBuffer buffer, String name, Spec spec) throws IOException {
        short[] values = new short[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            float value = spec.scale() == 0 ? 1 : (float) (NORMAL[i] * spec.scale());
            values[i] = (short) (Float.floatToRawIntBits(value) >>> Short.SIZE);
        }
        SplittableRandom random = new SplittableRandom(name.hashCode());
        long left = spec.elements();
        while (left > 0) {
            buffer.clear();
            int count = (int) Math.min(left, buffer.capacity() / Short.BYTES);
            draw(buffer, count, values, random);
            writeAll(channel, buffer.limit(count * Short.BYTES));
            left -= count;
        }
    }

    /** Four numbers for each draw of 64 bits, in the buffer's first bytes. */
    private static void draw(ByteBuffer to, int count, short[] values, SplittableRandom random) {
        for (int i = 0; i < count; i += NUMBERS_OF_A_DRAW) {
            long bits = random.nextLong();
            long four = 0;
            for (int of = 0; of < Long.SIZE; of += Short.SIZE) {
                four |= (values[(int) (bits >>> of) & 0xFFFF] & 0xFFFFL) << of;
            }
            to.putLong(i * Short.BYTES, four);
        }
    }

    private static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            var _ = channel.write(buffer);
        }
    }
}
