package dev.slayer.training.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The record of a run, one JSON object a line: {@code {"step":1,"loss":…}} for steps, {@code {"step":0,"validation":{…}}} for
 * validations. Gone on with after a checkpoint, it forgets what came after that.
 */
final class Metrics implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final BufferedWriter out;

    /** @param afterStep lines of later steps are dropped */
    Metrics(Path file, long afterStep) throws IOException {
        List<String> kept = new ArrayList<>();
        if (Files.exists(file) && afterStep > 0) {
            for (String line : Files.readAllLines(file)) {
                if (step(line) <= afterStep) {
                    kept.add(line);
                }
            }
        }
        out = Files.newBufferedWriter(
                file, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
        for (String line : kept) {
            out.write(line);
            out.newLine();
        }
        out.flush();
    }

    /** A line cut short by the end of a process counts as later than all. */
    private static long step(String line) {
        try {
            JsonNode json = JSON.readTree(line);
            return json.path("step").asLong(Long.MAX_VALUE);
        } catch (IOException e) {
            return Long.MAX_VALUE;
        }
    }

    /** Writes what an event says, if it is one for the record. */
    void add(RunEvent event) {
        ObjectNode line = JSON.createObjectNode();
        switch (event) {
            case RunEvent.Stepped step ->
                line.put("step", step.step())
                        .put("loss", step.loss())
                        .put("accuracy", step.accuracy())
                        .put("learning_rate", step.learningRate())
                        .put("gradient_norm", step.gradientNorm())
                        .put("tokens", step.tokens())
                        .put("seconds", step.seconds())
                        .put("tokens_per_second", step.tokensPerSecond())
                        .put("utilization", step.utilization());
            case RunEvent.Validated validated -> {
                line.put("step", validated.step());
                put(line.putObject("validation"), validated.losses());
                put(line.putObject("validation_accuracy"), validated.accuracies());
            }
            case RunEvent.Begun _, RunEvent.Saved _, RunEvent.Warned _, RunEvent.Finished _ -> {
                return;
            }
        }
        try {
            out.write(line.toString());
            out.newLine();
            out.flush();
        } catch (IOException e) {
            throw SlayerException.internal("metrics.jsonl cannot be written: " + e, e);
        }
    }

    private static void put(ObjectNode object, Map<String, Double> values) {
        new TreeMap<>(values).forEach(object::put);
    }

    @Override
    public void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw SlayerException.internal("metrics.jsonl cannot be written: " + e, e);
        }
    }
}
