package dev.slayer.server.api;

import java.util.concurrent.CompletableFuture;

/**
 * A checkpoint's being loaded: counts the requests that use it, so that it is not taken from under them. Thread-safe.
 */
public final class Residency {
    private final CompletableFuture<Void> empty = new CompletableFuture<>();
    private int users;
    private boolean ending;

    /** Whether the caller may use the checkpoint; then it must {@link #leave} once. */
    synchronized boolean enter() {
        if (ending) {
            return false;
        }
        users++;
        return true;
    }

    /** The end of a use. */
    void leave() {
        synchronized (this) {
            users--;
            if (!ending || users > 0) {
                return;
            }
        }
        empty.complete(null);
    }

    /** Lets nobody enter any more; completes when the last user has left. */
    CompletableFuture<Void> end() {
        boolean already;
        synchronized (this) {
            ending = true;
            already = users == 0;
        }
        if (already) {
            empty.complete(null);
        }
        return empty.copy();
    }
}
