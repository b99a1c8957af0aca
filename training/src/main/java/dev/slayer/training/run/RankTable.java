package dev.slayer.training.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.LayerTensor;
import java.util.Map;

/** What AdaLoRA has left of each matrix: the paper's Figure 4 as numbers. */
final class RankTable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private RankTable() {}

    /** {@code {"4":{"q_proj":3,…}}}, by slot; an empty object for other methods. */
    static String json(Map<Integer, Map<LayerTensor, Integer>> ranks) {
        ObjectNode slots = JSON.createObjectNode();
        ranks.forEach((slot, matrices) -> {
            ObjectNode row = slots.putObject(Integer.toString(slot));
            matrices.forEach((tensor, rank) -> row.put(MethodPlan.shortName(tensor), rank));
        });
        return slots.toPrettyString() + "\n";
    }
}
