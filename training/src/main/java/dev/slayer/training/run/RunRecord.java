package dev.slayer.training.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run's {@code metrics.jsonl} says, from its first step on, whatever breaks it had.
 *
 * @param steps in their order
 * @param validations in their order
 */
public record RunRecord(List<Step> steps, List<RunEvent.Validated> validations) {
    private static final ObjectMapper JSON = new ObjectMapper();

    public RunRecord {
        steps = List.copyOf(steps);
        validations = List.copyOf(validations);
    }

    /**
     * A step that was made.
     *
     * @param step from 1
     * @param loss before it
     * @param tokens of the run until then, padding not counted
     */
    public record Step(long step, double loss, long tokens, double seconds) {}

    /**
     * Reads the record in a run's folder.
     *
     * @throws SlayerException 500 if it cannot be read
     */
    public static RunRecord read(Path folder) {
        List<Step> steps = new ArrayList<>();
        List<RunEvent.Validated> validations = new ArrayList<>();
        Path file = folder.resolve(RunFolder.METRICS);
        try {
            for (String line : Files.readAllLines(file)) {
                JsonNode json = JSON.readTree(line);
                long step = json.path("step").asLong();
                if (json.has("loss")) {
                    steps.add(new Step(
                            step,
                            json.get("loss").asDouble(),
                            json.path("tokens").asLong(),
                            json.path("seconds").asDouble()));
                } else {
                    validations.add(new RunEvent.Validated(
                            step, byDomain(json.path("validation")), byDomain(json.path("validation_accuracy"))));
                }
            }
        } catch (IOException e) {
            throw SlayerException.internal(file + " cannot be read: " + e, e);
        }
        return new RunRecord(steps, validations);
    }

    private static Map<String, Double> byDomain(JsonNode object) {
        Map<String, Double> values = new LinkedHashMap<>();
        object.properties()
                .forEach(domain -> values.put(domain.getKey(), domain.getValue().asDouble()));
        return values;
    }
}
