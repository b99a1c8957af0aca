package dev.slayer.server.store;

import java.util.Objects;
import java.util.Optional;

/**
 * A part of a list.
 *
 * @param after id of the entry that the part follows; empty begins at the beginning
 * @param limit most entries
 * @param newestFirst order of the whole list
 */
public record Page(Optional<String> after, int limit, boolean newestFirst) {
    public Page {
        Objects.requireNonNull(after);
        if (limit < 1) {
            throw new IllegalArgumentException("limit=" + limit);
        }
    }
}
