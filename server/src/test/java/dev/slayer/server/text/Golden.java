package dev.slayer.server.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/** What transformers said, from test-data/golden. */
final class Golden {
    static final ObjectMapper JSON = new ObjectMapper();
    static final List<String> CHECKPOINTS = List.of("slayer-tiny", "random-llama2", "random-llama3", "random-mistral");

    private Golden() {}

    static Path checkpoint(String name) {
        return testData().resolve(name);
    }

    static JsonNode read(String file) {
        try {
            return JSON.readTree(testData().resolve("golden").resolve(file).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static int[] ids(JsonNode list) {
        int[] ids = new int[list.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = list.get(i).intValue();
        }
        return ids;
    }

    private static Path testData() {
        return Path.of(System.getProperty("slayer.root"), "test-data");
    }
}
