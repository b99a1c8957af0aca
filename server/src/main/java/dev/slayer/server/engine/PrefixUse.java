package dev.slayer.server.engine;

import java.util.LinkedHashSet;
import java.util.Set;

/** What a running sequence has taken from the prefix cache or put there; as long as it is open, none of it is evicted. */
final class PrefixUse implements AutoCloseable {
    private final Set<PrefixColumn> columns = new LinkedHashSet<>();

    void add(PrefixColumn column) {
        columns.add(column);
        column.uses.add(this);
    }

    void remove(PrefixColumn column) {
        columns.remove(column);
        column.uses.remove(this);
    }

    @Override
    public void close() {
        columns.forEach(column -> column.uses.remove(this));
        columns.clear();
    }
}
