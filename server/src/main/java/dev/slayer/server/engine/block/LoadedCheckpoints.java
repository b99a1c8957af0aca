package dev.slayer.server.engine.block;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;
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
     * The key of a recipe's block.
     *
     * @throws SlayerException 400 if a checkpoint that the recipe names is not loaded, has another shape or no such layer
     */
    BlockKey key(LoadedCheckpoint base, Recipe recipe) {
        Recipe absolute =
                recipe.over(ref -> new LayerRef(Long.toString(owner(base, ref).id()), ref.layer()));
        long owner = recipe.derived()
                ? base.id()
                : owner(base, recipe.layers().getFirst()).id();
        return new BlockKey(owner, absolute);
    }

    private LoadedCheckpoint owner(LoadedCheckpoint base, LayerRef ref) {
        LoadedCheckpoint owner = ref.ofBase() ? base : byName.get(ref.checkpoint());
        if (owner == null) {
            throw SlayerException.badRequest(
                    "layers",
                    ref.text() + ": the checkpoint '" + ref.checkpoint() + "' is not loaded; there are "
                            + String.join(", ", byName.keySet()) + ".");
        }
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
