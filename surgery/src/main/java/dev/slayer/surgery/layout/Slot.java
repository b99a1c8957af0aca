package dev.slayer.surgery.layout;

import java.util.Objects;

/** A position in a stack. Two slots with the same recipe share a block but never a KV cache. */
public record Slot(Recipe recipe) {
    public Slot {
        Objects.requireNonNull(recipe);
    }

    /** Canonical text. */
    public String text() {
        return recipe.text();
    }
}
