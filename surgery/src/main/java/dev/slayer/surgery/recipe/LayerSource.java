package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.Checkpoint;

/** Where the layers of a recipe lie. */
@FunctionalInterface
public interface LayerSource {
    /**
     * An open checkpoint.
     *
     * @param name as in {@link dev.slayer.surgery.layout.LayerRef#checkpoint}; empty is the base
     * @throws dev.slayer.surgery.SlayerException 400 if there is none of that name
     */
    Checkpoint checkpoint(String name);
}
