package dev.slayer.surgery.layout;

import java.util.Objects;

/**
 * A layer of a checkpoint: {@code 7}, or {@code other:7} for a layer of another checkpoint of the same shape.
 *
 * @param checkpoint name of the other checkpoint; empty is the base
 * @param layer from 0
 */
public record LayerRef(String checkpoint, int layer) implements Comparable<LayerRef> {
    /** @throws IllegalArgumentException if the layer is negative */
    public LayerRef {
        Objects.requireNonNull(checkpoint);
        if (layer < 0) {
            throw new IllegalArgumentException("layer=" + layer + " is negative");
        }
    }

    /** A layer of the base. */
    public static LayerRef of(int layer) {
        return new LayerRef("", layer);
    }

    /** Whether it is a layer of the base. */
    public boolean ofBase() {
        return checkpoint.isEmpty();
    }

    /** Canonical text. */
    public String text() {
        return ofBase() ? Integer.toString(layer) : checkpoint + ":" + layer;
    }

    /** The base's layers first, by number. */
    @Override
    public int compareTo(LayerRef other) {
        int byName = checkpoint.compareTo(other.checkpoint);
        return byName != 0 ? byName : Integer.compare(layer, other.layer);
    }
}
