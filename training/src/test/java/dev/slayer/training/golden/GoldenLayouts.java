package dev.slayer.training.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The layouts whose log-probabilities transformers computed: test-data/golden/layouts-NAME.json. */
public final class GoldenLayouts {
    /** The four checkpoints under test-data. */
    public static final List<String> CHECKPOINTS =
            List.of("slayer-tiny", "random-llama2", "random-llama3", "random-mistral");

    private GoldenLayouts() {}

    /**
     * A layout and what it makes of a prompt.
     *
     * @param others directories under test-data by the names that the layout gives them
     * @param ids tokens: [prompt]
     * @param logProbabilities of each token but the first: [prompt - 1]
     */
    public record Case(
            String checkpoint, Map<String, String> others, String layout, int[] ids, float[] logProbabilities) {
        @Override
        public String toString() {
            return checkpoint + " " + layout + ", " + ids.length + " tokens";
        }
    }

    /** Directory of a checkpoint. */
    public static Path directory(String name) {
        return Path.of(System.getProperty("slayer.root")).resolve("test-data").resolve(name);
    }

    /** Opens a checkpoint of test-data. */
    public static Checkpoint open(String name) {
        return Checkpoint.open(directory(name));
    }

    /** All layouts of a checkpoint with all their prompts. */
    public static List<Case> of(String checkpoint) {
        JsonNode json = read(directory("golden").resolve("layouts-" + checkpoint + ".json"));
        Map<String, String> others = new LinkedHashMap<>();
        json.get("others")
                .properties()
                .forEach(other -> others.put(other.getKey(), other.getValue().asText()));
        List<Case> cases = new ArrayList<>();
        for (JsonNode layout : json.get("layouts")) {
            for (int i = 0; i < json.get("prompts").size(); i++) {
                JsonNode ids = json.get("prompts").get(i).get("ids");
                JsonNode scores = layout.get("answers").get(i).get("logprobs");
                int[] tokens = new int[ids.size()];
                float[] logProbabilities = new float[tokens.length - 1];
                for (int token = 0; token < tokens.length; token++) {
                    tokens[token] = ids.get(token).asInt();
                    if (token > 0) {
                        logProbabilities[token - 1] = (float) scores.get(token).asDouble();
                    }
                }
                cases.add(new Case(checkpoint, others, layout.get("layout").asText(), tokens, logProbabilities));
            }
        }
        return cases;
    }

    /** A JSON file. */
    public static JsonNode read(Path file) {
        try {
            return new ObjectMapper().readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
