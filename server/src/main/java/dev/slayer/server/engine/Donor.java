package dev.slayer.server.engine;

import java.util.concurrent.CompletableFuture;

/**
 * Something on a device that stacks of models take layers, heads and embeddings of, but that no request can ask for by itself: a
 * delta. Any thread.
 */
@FunctionalInterface
public interface Donor {
    /**
     * No new stack can take of it from now on. Does not wait. Called once.
     *
     * @return completes when no stack uses it any more: its files may be closed then
     */
    CompletableFuture<Void> retire();
}
