package dev.slayer.server.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What transformers computed with its layers edited by hand: test-data/golden/layouts-NAME.json, made by
 * test-data/make/make_golden_layouts.py.
 */
public final class GoldenLayouts {
    private GoldenLayouts() {}

    /**
     * An edited stack of a checkpoint of test-data.
     *
     * @param checkpoint the base's name, as in {@link Golden#CHECKPOINTS}
     * @param others directories under test-data by the names that the layout gives them
     * @param layout canonical text
     * @param digests by text of each recipe that is no plain layer, then by name of the tensor within the layer: the first 16 hex
     *     digits of the SHA-256 of its bytes in the base's element type
     * @param answers one for each prompt
     */
    public record Case(
            String checkpoint,
            Map<String, String> others,
            String layout,
            Map<String, Map<String, String>> digests,
            List<Answer> answers) {
        @Override
        public String toString() {
            return checkpoint + " " + layout;
        }
    }

    /**
     * What the edited model makes of a prompt.
     *
     * @param prompt its name
     * @param ids tokens: [prompt]
     * @param logprobs of each token given those before it: [prompt], the first is NaN
     * @param greedy what follows: [24]
     * @param gaps how far the best logit led the second at each greedy step: [24]
     */
    public record Answer(String prompt, int[] ids, double[] logprobs, int[] greedy, double[] gaps) {}

    /** All layouts of all checkpoints. */
    public static List<Case> all() {
        return Golden.CHECKPOINTS.stream().flatMap(name -> of(name).stream()).toList();
    }

    /** The twelve layouts of a checkpoint. */
    public static List<Case> of(String checkpoint) {
        JsonNode json = Golden.read("test-data/golden/layouts-" + checkpoint + ".json");
        List<Case> cases = new ArrayList<>();
        for (JsonNode layout : json.get("layouts")) {
            Map<String, Map<String, String>> digests = new LinkedHashMap<>();
            layout.get("tensors")
                    .properties()
                    .forEach(recipe -> digests.put(recipe.getKey(), texts(recipe.getValue())));
            List<Answer> answers = new ArrayList<>();
            for (int i = 0; i < json.get("prompts").size(); i++) {
                JsonNode prompt = json.get("prompts").get(i);
                JsonNode answer = layout.get("answers").get(i);
                answers.add(new Answer(
                        prompt.get("name").asText(),
                        Golden.ints(prompt.get("ids")),
                        Golden.doubles(answer.get("logprobs")),
                        Golden.ints(answer.get("greedy").get("ids")),
                        Golden.doubles(answer.get("greedy").get("gaps"))));
            }
            cases.add(new Case(
                    checkpoint, texts(json.get("others")), layout.get("layout").asText(), digests, answers));
        }
        return cases;
    }

    private static Map<String, String> texts(JsonNode object) {
        Map<String, String> texts = new LinkedHashMap<>();
        object.properties()
                .forEach(entry -> texts.put(entry.getKey(), entry.getValue().asText()));
        return texts;
    }
}
