package dev.slayer.surgery.layout;

import java.util.Collections;
import java.util.Objects;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * A layout and what of it a published strategy trains.
 *
 * @param layout the stack
 * @param trainable numbers of the slots that are trained, from 0; empty where the layout comes from no strategy
 * @param trainsHead whether the language-model head is trained as well
 */
public record Expansion(Layout layout, SortedSet<Integer> trainable, boolean trainsHead) {
    public Expansion {
        Objects.requireNonNull(layout);
        trainable = Collections.unmodifiableSortedSet(new TreeSet<>(trainable));
        if (!trainable.isEmpty() && (trainable.first() < 0 || trainable.last() >= layout.depth())) {
            throw new IllegalArgumentException("trainable slots " + trainable + " of " + layout.depth());
        }
    }

    /** A layout that trains nothing. */
    public static Expansion of(Layout layout) {
        return new Expansion(layout, Collections.emptySortedSet(), false);
    }
}
