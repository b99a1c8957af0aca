package dev.slayer.server.engine;

import dev.slayer.surgery.layout.Layout;

/**
 * A layout made ready to run: its blocks stay in memory as long as it is open. Every sequence holds one of its own, from
 * admission to its end.
 */
public interface Stack extends AutoCloseable {
    /** The layout. */
    Layout layout();

    /** What a row passes, for telling how far two stacks are the same. */
    StackPath path();

    /** Lets go of the blocks. Idempotent; any thread. */
    @Override
    void close();

    /** A stack of a model that has no blocks. */
    static Stack of(Layout layout) {
        StackPath path = StackPath.of(layout);
        return new Stack() {
            @Override
            public Layout layout() {
                return layout;
            }

            @Override
            public StackPath path() {
                return path;
            }

            @Override
            public void close() {}
        };
    }
}
