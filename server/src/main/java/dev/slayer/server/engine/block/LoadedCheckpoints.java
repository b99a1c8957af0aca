package dev.slayer.server.engine.block;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** The checkpoints on a device, by name as layouts call them and by id as blocks do. Guarded by its store. */
final class LoadedCheckpoints {
    private final Map<String, LoadedCheckpoint> byName = new LinkedHashMap<>();
    private final Map<Long, LoadedCheckpoint> byId = new HashMap<>();

    void add(LoadedCheckpoint checkpoint) {
        byName.put(checkpoint.name(), checkpoint);
        byId.put(checkpoint.id(), checkpoint);
    }

    /** No layout finds it by name from now on. */
    void hide(LoadedCheckpoint checkpoint) {
        byName.remove(checkpoint.name(), checkpoint);
    }

    void remove(long id) {
        byId.remove(id);
    }

    boolean holds(long id) {
        return byId.containsKey(id);
    }

    LoadedCheckpoint get(long id) {
        return byId.get(id);
    }

    /**
     * Keys of all that a layout needs.
     *
     * @throws SlayerException 400 if a checkpoint that it names is not loaded, has another shape or no such layer
     */
    LayoutParts parts(LoadedCheckpoint base, Layout layout) {
        Map<Recipe, BlockKey> blocks = new LinkedHashMap<>();
        for (Slot slot : layout.slots()) {
            if (!slot.silent()) {
                blocks.computeIfAbsent(slot.recipe(), recipe -> key(base, recipe));
            }
        }
        Ends ends = layout.ends();
        ModelConfig shape = base.checkpoint().config();
        LoadedCheckpoint embedding = ofSameHead(base, ends.embedding());
        return new LayoutParts(
                new EmbeddingKey(embedding.id(), !embedding.resident()),
                blocks,
                head(ofSameHead(base, ends.norm()), ofSameHead(base, ends.headOf(shape)), shape));
    }

    /** Key of a checkpoint's own head. */
    static HeadKey head(LoadedCheckpoint checkpoint) {
        return head(checkpoint, checkpoint, checkpoint.checkpoint().config());
    }

    private static HeadKey head(LoadedCheckpoint norm, LoadedCheckpoint head, ModelConfig base) {
        ModelConfig there = head.checkpoint().config();
        String tensor = base.tiedEmbeddings() ? TensorNames.EMBEDDING : TensorNames.head(there);
        boolean own = norm.id() == head.id() && head.resident() && tensor.equals(TensorNames.head(there));
        return new HeadKey(norm.id(), head.id(), tensor, !own);
    }

    private LoadedCheckpoint ofSameHead(LoadedCheckpoint base, String name) {
        LoadedCheckpoint found = named(base, name, name);
        ModelConfig here = base.checkpoint().config();
        ModelConfig there = found.checkpoint().config();
        if (here.hiddenSize() != there.hiddenSize()
                || here.vocabularySize() != there.vocabularySize()
                || here.rmsNormEps() != there.rmsNormEps()) {
            throw SlayerException.badRequest(
                    "layers",
                    "embedding, norm and head of '" + name + "' have another shape than those of '" + base.name()
                            + "'.");
        }
        return found;
    }

    private LoadedCheckpoint named(LoadedCheckpoint base, String name, String text) {
        LoadedCheckpoint found = name.isEmpty() ? base : byName.get(name);
        if (found == null) {
            throw SlayerException.badRequest(
                    "layers",
                    text + ": the checkpoint '" + name + "' is not loaded; there are "
                            + String.join(", ", byName.keySet()) + ".");
        }
        return found;
    }

    private BlockKey key(LoadedCheckpoint base, Recipe recipe) {
        Recipe absolute =
                recipe.over(ref -> new LayerRef(Long.toString(owner(base, ref).id()), ref.layer()));
        LayerRef first = recipe.layers().getFirst();
        LoadedCheckpoint from = owner(base, first);
        return BlockKey.of(recipe.derived() ? base : from, absolute, from, first.layer());
    }

    private LoadedCheckpoint owner(LoadedCheckpoint base, LayerRef ref) {
        LoadedCheckpoint owner = named(base, ref.checkpoint(), ref.text());
        ModelConfig shape = owner.checkpoint().config();
        if (ref.layer() >= shape.layers()) {
            throw SlayerException.badRequest(
                    "layers",
                    ref.text() + ": layer " + ref.layer() + " does not exist, this checkpoint has 0-"
                            + (shape.layers() - 1) + ".");
        }
        if (!sameShape(shape, base.checkpoint().config())) {
            throw SlayerException.badRequest(
                    "layers",
                    ref.text() + ": layers of '" + ref.checkpoint() + "' have another shape than those of '"
                            + base.name() + "'.");
        }
        return owner;
    }

    private static boolean sameShape(ModelConfig one, ModelConfig other) {
        return one.hiddenSize() == other.hiddenSize()
                && one.heads() == other.heads()
                && one.kvHeads() == other.kvHeads()
                && one.headDim() == other.headDim()
                && one.intermediateSize() == other.intermediateSize()
                && one.rmsNormEps() == other.rmsNormEps();
    }
}
