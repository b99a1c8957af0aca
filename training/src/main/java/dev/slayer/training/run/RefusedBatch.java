package dev.slayer.training.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.training.data.Batch;
import java.util.Map;
import java.util.TreeMap;

/** A batch that a run could not learn from, for whoever wants to know why. */
final class RefusedBatch {
    private static final ObjectMapper JSON = new ObjectMapper();

    private RefusedBatch() {}

    /** Its step, shape, tokens and targets as JSON. */
    static String json(Batch batch, long step) {
        Map<String, Object> fields = new TreeMap<>();
        fields.put("step", step);
        fields.put("rows", batch.rows());
        fields.put("length", batch.length());
        fields.put("tokens", batch.tokens());
        fields.put("targets", batch.targets());
        try {
            return JSON.writeValueAsString(fields);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
