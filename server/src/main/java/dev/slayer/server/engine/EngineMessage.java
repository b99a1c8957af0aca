package dev.slayer.server.engine;

import java.util.concurrent.CompletableFuture;

/** What other threads tell the engine's thread. */
sealed interface EngineMessage {
    /** Run a sequence. */
    record Submit(Sequence sequence) implements EngineMessage {}

    /** End a sequence. */
    record Cancel(Sequence sequence) implements EngineMessage {}

    /**
     * Finish what there is; then complete.
     *
     * @param deadlineNanos System.nanoTime() after which the rest is cancelled
     */
    record Drain(long deadlineNanos, CompletableFuture<Void> done) implements EngineMessage {}

    /** Cancel everything and end the thread. */
    record Stop() implements EngineMessage {}
}
