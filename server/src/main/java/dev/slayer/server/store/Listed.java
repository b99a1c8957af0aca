package dev.slayer.server.store;

import java.util.List;

/**
 * What a {@link Page} shows.
 *
 * @param more whether entries follow
 */
public record Listed<T>(List<T> entries, boolean more) {
    public Listed {
        entries = List.copyOf(entries);
    }
}
