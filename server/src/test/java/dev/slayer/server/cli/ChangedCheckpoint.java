package dev.slayer.server.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.golden.Golden;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A copy of a checkpoint of test-data in one file, of which values can be changed. */
record ChangedCheckpoint(Path directory) {
    static ChangedCheckpoint of(String name, Path copy) throws IOException {
        Files.createDirectories(copy);
        List<Path> files;
        try (Stream<Path> list = Files.list(Golden.checkpoint(name))) {
            files = list.toList();
        }
        for (Path file : files) {
            Files.copy(file, copy.resolve(file.getFileName()));
        }
        return new ChangedCheckpoint(copy);
    }

    /** Sets values of a tensor, from the first of a row on. @return the directory */
    Path fill(String tensor, int row, int count, float value) throws IOException {
        Path file = directory.resolve("model.safetensors");
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = Math.toIntExact(bytes.getLong(0));
        JsonNode entry = new ObjectMapper()
                .readTree(new String(bytes.array(), 8, header, UTF_8))
                .get(tensor);
        int width = entry.get("shape").size() == 1 ? 1 : entry.at("/shape/1").asInt();
        int size = entry.get("dtype").asText().equals("F32") ? 4 : 2;
        int begin = 8 + header + entry.at("/data_offsets/0").asInt() + row * width * size;
        for (int i = 0; i < count; i++) {
            int bits = Float.floatToRawIntBits(value);
            switch (entry.get("dtype").asText()) {
                case "F32" -> bytes.putInt(begin + 4 * i, bits);
                case "BF16" -> bytes.putShort(begin + 2 * i, (short) (bits >>> 16));
                default -> throw new IOException(tensor + " is " + entry.get("dtype"));
            }
        }
        Files.write(file, bytes.array());
        return directory;
    }
}
