package dev.slayer.surgery.layout;

import java.util.Objects;

/**
 * A position in a stack. Two slots with the same recipe share a block but never a KV cache. Its recipe is always the canonical
 * one, so that layouts that mean the same are equal.
 */
public record Slot(Recipe recipe, Gates gates) {
    public Slot {
        recipe = recipe.canonical();
        Objects.requireNonNull(gates);
    }

    /** A slot that lets everything through. */
    public Slot(Recipe recipe) {
        this(recipe, Gates.OPEN);
    }

    /**
     * Whether its output is exactly its input, since the recipe's or the gates' zeros leave nothing to add to the residual
     * stream. Such a slot needs neither weights nor KV to be served.
     */
    public boolean silent() {
        return recipe.silent() || gates.silent();
    }

    /** Canonical text. */
    public String text() {
        return recipe.text() + gates.text();
    }
}
