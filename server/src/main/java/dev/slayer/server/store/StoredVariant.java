package dev.slayer.server.store;

import java.time.Instant;
import java.util.List;
import java.util.Objects;

/**
 * A named variant as it is kept.
 *
 * @param name unique among variants
 * @param base what it was made from, as the client named it: a checkpoint, a variant, either with edits
 * @param checkpoint whose layers the layout's plain numbers are
 * @param layout canonical text
 * @param trainable numbers of the slots that a strategy trains, from 0, ascending
 * @param trainsHead whether the language-model head is trained as well
 * @param created when, to the millisecond
 */
public record StoredVariant(
        String name,
        String base,
        String checkpoint,
        String layout,
        List<Integer> trainable,
        boolean trainsHead,
        Instant created) {
    public StoredVariant {
        Objects.requireNonNull(name);
        Objects.requireNonNull(base);
        Objects.requireNonNull(checkpoint);
        Objects.requireNonNull(layout);
        trainable = List.copyOf(trainable);
        created = Instant.ofEpochMilli(created.toEpochMilli());
    }
}
