package dev.slayer.surgery.export;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.Gates;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.util.ArrayList;
import java.util.List;

/**
 * What an export writes and into which file, known before anything is computed.
 *
 * @param shards in the order of their names; none is empty
 * @param bytes of all tensors
 */
record ExportPlan(List<Shard> shards, long bytes) {
    /** A file: wider elements first, so that every tensor is aligned to its elements. */
    record Shard(String file, List<TensorItem> items) {}

    /**
     * Plans the export of a layout. Gates become part of the last matrix of the sublayer that they scale.
     *
     * @param shardBytes most bytes of tensors in a file, unless one tensor alone has more
     */
    static ExportPlan of(Checkpoint base, Layout layout, LayerSource sources, long shardBytes) {
        Ends ends = layout.ends();
        List<TensorItem> items = new ArrayList<>();
        items.add(copied(TensorNames.EMBEDDING, sources.checkpoint(ends.embedding()), TensorNames.EMBEDDING));
        for (int slot = 0; slot < layout.depth(); slot++) {
            for (LayerTensor tensor : LayerTensor.values()) {
                items.add(item(base, layout.slots().get(slot), slot, tensor, sources));
            }
        }
        items.add(copied(TensorNames.FINAL_NORM, sources.checkpoint(ends.norm()), TensorNames.FINAL_NORM));
        if (!base.config().tiedEmbeddings()) {
            Checkpoint head = sources.checkpoint(ends.head());
            items.add(copied(TensorNames.HEAD, head, TensorNames.head(head.config())));
        }
        return new ExportPlan(
                shards(items, shardBytes),
                items.stream().mapToLong(TensorItem::bytes).sum());
    }

    private static TensorItem copied(String name, Checkpoint from, String there) {
        Tensor tensor = from.tensor(there);
        return new TensorItem(name, tensor.dtype(), tensor.shape(), _ -> tensor);
    }

    private static TensorItem item(Checkpoint base, Slot slot, int number, LayerTensor tensor, LayerSource sources) {
        float scale = scale(slot.gates(), tensor);
        DType dtype = RecipeTensors.type(slot.recipe(), tensor, scale, sources);
        List<Long> shape = tensor.shape(base.config());
        return new TensorItem(
                tensor.name(number),
                dtype,
                shape,
                arena -> RecipeTensors.make(slot.recipe(), tensor, scale, sources, arena));
    }

    private static float scale(Gates gates, LayerTensor tensor) {
        return switch (tensor) {
            case ATTENTION_OUTPUT -> gates.attentionScale();
            case DOWN -> gates.mlpScale();
            default -> 1;
        };
    }

    private static List<Shard> shards(List<TensorItem> items, long shardBytes) {
        List<List<TensorItem>> groups = new ArrayList<>();
        long bytes = 0;
        for (TensorItem item : items) {
            if (groups.isEmpty() || item.bytes() > shardBytes - bytes) {
                groups.add(new ArrayList<>());
                bytes = 0;
            }
            groups.getLast().add(item);
            bytes += item.bytes();
        }
        List<Shard> shards = new ArrayList<>();
        for (List<TensorItem> group : groups) {
            group.sort((one, other) ->
                    Integer.compare(other.dtype().bytes(), one.dtype().bytes()));
            String file = groups.size() == 1
                    ? "model.safetensors"
                    : "model-%05d-of-%05d.safetensors".formatted(shards.size() + 1, groups.size());
            shards.add(new Shard(file, List.copyOf(group)));
        }
        return List.copyOf(shards);
    }
}
