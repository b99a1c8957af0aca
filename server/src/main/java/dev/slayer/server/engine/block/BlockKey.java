package dev.slayer.server.engine.block;

import dev.slayer.surgery.layout.LayerRef;
import dev.slayer.surgery.layout.Recipe;

/**
 * What tells blocks apart. Names of checkpoints come and go, so layers are named by the checkpoints' ids here.
 *
 * @param owner id of the checkpoint whose element types and weight type the block has: a plain layer's own, a derived block's base
 * @param recipe over layers named by ids
 * @param derived whether it needs memory beyond the checkpoints' own layers; a delta's layers do
 * @param order where it stands among the layers of a model: layer 7 at 14, what is made of 7 and its like right after it at 15
 */
record BlockKey(long owner, Recipe recipe, boolean derived, int order) implements PartKey {
    /** Key of a checkpoint's own layer. */
    static BlockKey of(LoadedCheckpoint checkpoint, int layer) {
        Recipe recipe = new Recipe.Plain(new LayerRef(Long.toString(checkpoint.id()), layer));
        return of(checkpoint, recipe, checkpoint, layer);
    }

    /**
     * Key of any recipe.
     *
     * @param recipe over layers named by ids
     * @param first the checkpoint of the first layer that it reads
     * @param layer that layer's number
     */
    static BlockKey of(LoadedCheckpoint owner, Recipe recipe, LoadedCheckpoint first, int layer) {
        boolean derived = recipe.derived() || !owner.resident();
        int place = 2 * first.origin(layer);
        return new BlockKey(owner.id(), recipe, derived, derived ? place + 1 : place);
    }

    @Override
    public boolean uses(long checkpoint) {
        String id = Long.toString(checkpoint);
        return owner == checkpoint
                || recipe.layers().stream().map(LayerRef::checkpoint).anyMatch(id::equals);
    }
}
