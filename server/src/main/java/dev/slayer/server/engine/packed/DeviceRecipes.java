package dev.slayer.server.engine.packed;

import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.LayerSource;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** Computes weights of recipes on the device, from what lies there. */
@FunctionalInterface
interface DeviceRecipes {
    /**
     * The weights of a block in one role.
     *
     * @param uploaded memory of tensors of files, one below the other
     * @return empty if the recipe is one that the host computes
     */
    Optional<Uploads.Hold> make(
            Recipe recipe, Role role, LayerSource sources, Function<List<Float32Source>, Uploads.Hold> uploaded);
}
