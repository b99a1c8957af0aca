package dev.slayer.server.engine;

import dev.slayer.surgery.layout.Layout;

/**
 * A layout made ready to run: its blocks stay in memory as long as it is open. Every sequence holds one of its own, from
 * admission to its end.
 */
public interface Stack extends AutoCloseable {
    /** The layout. */
    Layout layout();

    /** Lets go of the blocks. Idempotent; any thread. */
    @Override
    void close();

    /** A stack of a model that has no blocks. */
    static Stack of(Layout layout) {
        return new Stack() {
            @Override
            public Layout layout() {
                return layout;
            }

            @Override
            public void close() {}
        };
    }
}
