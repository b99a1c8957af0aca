package dev.slayer.server.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What transformers computed with a delta worked into its base by hand: test-data/golden/delta-NAME.json, made by
 * test-data/make/make_golden_deltas.py.
 *
 * @param name of the folder under test-data/deltas
 * @param base its checkpoint
 * @param hash of the base, as the script worked it out
 * @param answers one for each prompt
 */
public record GoldenDelta(String name, String base, String hash, List<GoldenLayouts.Answer> answers) {
    /** The deltas of test-data. */
    public static final List<String> NAMES = List.of("mistral", "llama3");

    /** One of them. */
    public static GoldenDelta of(String name) {
        JsonNode json = Golden.read("test-data/golden/delta-" + name + ".json");
        List<GoldenLayouts.Answer> answers = new ArrayList<>();
        for (int i = 0; i < json.get("prompts").size(); i++) {
            JsonNode prompt = json.get("prompts").get(i);
            JsonNode answer = json.get("answers").get(i);
            answers.add(new GoldenLayouts.Answer(
                    prompt.get("name").asText(),
                    Golden.ints(prompt.get("ids")),
                    Golden.doubles(answer.get("logprobs")),
                    Golden.ints(answer.get("greedy").get("ids")),
                    Golden.doubles(answer.get("greedy").get("gaps"))));
        }
        return new GoldenDelta(name, json.get("base").asText(), json.get("hash").asText(), answers);
    }

    /** Its folder. */
    public Path folder() {
        return Golden.root().resolve("test-data/deltas").resolve(name);
    }
}
