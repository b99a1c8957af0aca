package dev.slayer.surgery.layout;

import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.Optional;

/** The checkpoints that a layout may take layers of, by name. */
@FunctionalInterface
public interface Namespace {
    /** Only the base: no other checkpoint has a name. */
    Namespace BASE_ONLY = name -> Optional.empty();

    /** Shape of the checkpoint of that name, if there is one. */
    Optional<ModelConfig> config(String name);

    /** Name of the base itself, where it has one: a layer that is written with this name is a plain layer of the base. */
    default Optional<String> baseName() {
        return Optional.empty();
    }
}
