package dev.slayer.server.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Pooled hidden states as transformers computed them: test-data/golden/embeddings.json, made by test-data/make/make_golden_embeddings.py. */
public final class GoldenEmbeddings {
    private GoldenEmbeddings() {}

    /**
     * A checkpoint of test-data.
     *
     * @param others directories under test-data by the names that layouts give them
     * @param layouts canonical texts; an empty one is the checkpoint as it is
     */
    public record Model(String name, Map<String, String> others, List<String> layouts, List<Embedding> embeddings) {}

    /**
     * What a stack makes of a prompt.
     *
     * @param layout one of the model's
     * @param prompt its name
     * @param ids its tokens
     * @param mean of all tokens' hidden states after the final norm: [hidden]
     * @param last that of the last token: [hidden]
     */
    public record Embedding(String layout, String prompt, int[] ids, double[] mean, double[] last) {
        @Override
        public String toString() {
            return "'" + prompt + "' by '" + layout + "'";
        }
    }

    /** All checkpoints. */
    public static List<Model> all() {
        List<Model> models = new ArrayList<>();
        Golden.read("test-data/golden/embeddings.json").forEach(model -> models.add(model(model)));
        return models;
    }

    /** One checkpoint. */
    public static Model of(String name) {
        return all().stream()
                .filter(model -> model.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static Model model(JsonNode json) {
        Map<String, String> others = new LinkedHashMap<>();
        json.get("others")
                .properties()
                .forEach(other -> others.put(other.getKey(), other.getValue().asText()));
        List<String> layouts = new ArrayList<>();
        List<Embedding> embeddings = new ArrayList<>();
        for (JsonNode layout : json.get("layouts")) {
            layouts.add(layout.get("layout").asText());
            for (int i = 0; i < json.get("prompts").size(); i++) {
                JsonNode prompt = json.get("prompts").get(i);
                JsonNode pooled = layout.get("embeddings").get(i);
                embeddings.add(new Embedding(
                        layouts.getLast(),
                        prompt.get("name").asText(),
                        Golden.ints(prompt.get("ids")),
                        Golden.doubles(pooled.get("mean")),
                        Golden.doubles(pooled.get("last"))));
            }
        }
        return new Model(json.get("model").asText(), others, layouts, embeddings);
    }
}
