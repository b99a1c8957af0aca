package dev.slayer.surgery.export;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.Gates;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * A layout as a slice list in the form of mergekit's configuration, method {@code passthrough}, for those layouts that have one.
 *
 * <p>That method takes layers as they are and can scale tensors by name, so plain layers, gates and silent copies can be said.
 * Recipes that mix layers cannot: a configuration has one method for all slices, and it tells the sources of a slice apart by
 * model, so two layers of one model cannot be mixed. It takes embedding from the first slice's model and final norm and head from
 * the last's, so these two must be the base.
 *
 * @param json the configuration, if there is one
 * @param reason why there is none, naming the slot; empty if there is
 */
public record MergeRecipe(Optional<ObjectNode> json, String reason) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Layers that follow each other in one model under the same gates. */
    private record Slice(String checkpoint, int from, int to, Gates gates) {}

    /**
     * Describes a layout.
     *
     * @param models path or hub name of a checkpoint by the name that the layout gives it; empty is the base
     * @param dtype the base's element type
     */
    public static MergeRecipe of(Layout layout, UnaryOperator<String> models, DType dtype) {
        List<Slot> slots = layout.slots();
        if (!layout.ends().equals(Ends.BASE)) {
            return new MergeRecipe(
                    Optional.empty(),
                    "no slice list says this layout: it takes " + layout.ends().text() + " from other checkpoints");
        }
        ObjectNode json = JSON.createObjectNode();
        ArrayNode slices = json.putArray("slices");
        Slice open = null;
        for (int i = 0; i < slots.size(); i++) {
            Optional<Slice> slice = slice(slots.get(i));
            if (slice.isEmpty()) {
                return none(i, slots.get(i), "mixes layers, which a passthrough slice cannot");
            }
            if ((i == 0 || i == slots.size() - 1) && !slice.get().checkpoint.isEmpty()) {
                return none(
                        i,
                        slots.get(i),
                        "is of another checkpoint, and a slice list would take "
                                + (i == 0 ? "the embedding" : "final norm and head") + " from there as well");
            }
            if (open != null && follows(open, slice.get())) {
                open = new Slice(open.checkpoint, open.from, slice.get().to, open.gates);
            } else {
                add(slices, open, models);
                open = slice.get();
            }
        }
        add(slices, open, models);
        json.put("merge_method", "passthrough").put("dtype", name(dtype));
        return new MergeRecipe(Optional.of(json), "");
    }

    private static MergeRecipe none(int slot, Slot what, String why) {
        return new MergeRecipe(
                Optional.empty(), "no slice list says this layout: slot " + slot + ", " + what.text() + ", " + why);
    }

    private static Optional<Slice> slice(Slot slot) {
        return switch (slot.recipe()) {
            case Recipe.Plain(LayerRef layer) -> Optional.of(slice(layer, slot.gates()));
            case Recipe.Zero(LayerRef layer) ->
                Optional.of(slice(layer, new Gates(false, false, slot.gates().scale())));
            default -> Optional.empty();
        };
    }

    private static Slice slice(LayerRef layer, Gates gates) {
        return new Slice(layer.checkpoint(), layer.layer(), layer.layer() + 1, gates);
    }

    private static boolean follows(Slice one, Slice next) {
        return one.checkpoint.equals(next.checkpoint) && one.to == next.from && one.gates.equals(next.gates);
    }

    private static void add(ArrayNode slices, Slice slice, UnaryOperator<String> models) {
        if (slice == null) {
            return;
        }
        ObjectNode source =
                slices.addObject().putArray("sources").addObject().put("model", models.apply(slice.checkpoint));
        source.putArray("layer_range").add(slice.from).add(slice.to);
        if (!slice.gates.equals(Gates.OPEN)) {
            ArrayNode scale = source.putObject("parameters").putArray("scale");
            scale.addObject().put("filter", "o_proj").put("value", slice.gates.attentionScale());
            scale.addObject().put("filter", "down_proj").put("value", slice.gates.mlpScale());
            scale.addObject().put("value", 1.0f);
        }
    }

    private static String name(DType dtype) {
        return switch (dtype) {
            case F32 -> "float32";
            case F16 -> "float16";
            case BF16 -> "bfloat16";
        };
    }
}
