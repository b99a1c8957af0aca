package dev.slayer.server.engine.block;

import java.util.concurrent.CompletableFuture;

/** A part and who uses it; guarded by the store. */
final class PartEntry {
    final PartKey key;
    final long bytes;
    final CompletableFuture<Part> part;
    int users;
    long idleSinceNanos = System.nanoTime();

    /** A part that will be there when the future completes. */
    PartEntry(PartKey key, long bytes, CompletableFuture<Part> part) {
        this.key = key;
        this.bytes = bytes;
        this.part = part;
    }

    boolean idle() {
        return users == 0 && part.isDone();
    }

    /** The part; only when it is there. */
    Part get() {
        return part.join();
    }
}
