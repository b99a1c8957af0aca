package dev.slayer.server.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;

/** The numbers that transformers computed: test-data/golden, made by test-data/make/make_golden.py. */
public final class Golden {
    /** The four checkpoints under test-data. */
    public static final List<String> CHECKPOINTS =
            List.of("slayer-tiny", "random-llama2", "random-llama3", "random-mistral");

    private Golden() {}

    /**
     * One prompt.
     *
     * @param ids tokens: [prompt]
     * @param logprobs of each token given those before it: [prompt], the first is NaN
     * @param greedy what follows: [24]
     * @param greedyLogprobs [24]
     * @param gaps how far the best logit led the second at each greedy step: [24]
     * @param text decoded greedy tokens
     */
    public record Prompt(
            String name,
            String prompt,
            int[] ids,
            double[] logprobs,
            int[] greedy,
            double[] greedyLogprobs,
            double[] gaps,
            String text) {}

    /** Root of the checkout. */
    public static Path root() {
        return Path.of(System.getProperty("slayer.root"));
    }

    /** Directory of a checkpoint. */
    public static Path checkpoint(String name) {
        return root().resolve("test-data").resolve(name);
    }

    /** All prompts of a checkpoint. */
    public static List<Prompt> prompts(String checkpoint) {
        JsonNode json = read("test-data/golden/" + checkpoint + ".json");
        List<Prompt> prompts = new ArrayList<>();
        for (JsonNode prompt : json.get("prompts")) {
            JsonNode greedy = prompt.get("greedy");
            prompts.add(new Prompt(
                    prompt.get("name").asText(),
                    prompt.get("text").asText(),
                    ints(prompt.get("ids")),
                    doubles(prompt.get("logprobs")),
                    ints(greedy.get("ids")),
                    doubles(greedy.get("logprobs")),
                    doubles(greedy.get("gaps")),
                    greedy.get("text").asText()));
        }
        return prompts;
    }

    /** A JSON file of the checkout. */
    public static JsonNode read(String file) {
        try {
            return new ObjectMapper().readTree(root().resolve(file).toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static int[] ints(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    static double[] doubles(JsonNode array) {
        return IntStream.range(0, array.size())
                .mapToDouble(
                        i -> array.get(i).isNull() ? Double.NaN : array.get(i).asDouble())
                .toArray();
    }
}
