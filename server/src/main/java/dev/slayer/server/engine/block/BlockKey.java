package dev.slayer.server.engine.block;

import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;

/**
 * What tells blocks apart. Names of checkpoints come and go, so layers are named by the checkpoints' ids here.
 *
 * @param owner id of the checkpoint whose element types and weight type the block has: a plain layer's own, a derived block's base
 * @param recipe over layers named by ids
 */
record BlockKey(long owner, Recipe recipe) {
    /** Key of a checkpoint's own layer. */
    static BlockKey of(LoadedCheckpoint checkpoint, int layer) {
        return new BlockKey(checkpoint.id(), new Recipe.Plain(new LayerRef(Long.toString(checkpoint.id()), layer)));
    }

    /** Whether it needs memory beyond the checkpoints' own layers. */
    boolean derived() {
        return recipe.derived();
    }

    /** Whether it reads a layer of a checkpoint, or has its element types. */
    boolean uses(long checkpoint) {
        String id = Long.toString(checkpoint);
        return owner == checkpoint
                || recipe.layers().stream().map(LayerRef::checkpoint).anyMatch(id::equals);
    }

    /** Where it stands among the layers of a model: layer 7 at 14, what is made of 7 and its like right after it at 15. */
    int order() {
        int layer = recipe.layers().getFirst().layer();
        return derived() ? 2 * layer + 1 : 2 * layer;
    }
}
