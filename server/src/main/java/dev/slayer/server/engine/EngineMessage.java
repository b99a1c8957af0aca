package dev.slayer.server.engine;

import java.util.concurrent.CompletableFuture;

/** What other threads tell the engine's thread. */
sealed interface EngineMessage {
    /** Run a sequence as soon as its stack is ready. */
    record Submit(Sequence sequence, CompletableFuture<Stack> stack) implements EngineMessage {}

    /** The stack of a sequence that was submitted is ready, or cannot be made. */
    record Prepared(Sequence sequence, CompletableFuture<Stack> stack) implements EngineMessage {}

    /** Free a checkpoint that no sequence uses any more. */
    record Retire(ModelTable.Member member) implements EngineMessage {}

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
