package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceListener;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What came of requests that were submitted together.
 *
 * @param begun when the engine was let go on with them, in System.nanoTime()
 * @param traces in their order
 * @param cut whether time was up before all had ended
 */
record Load(long begun, List<Trace> traces, boolean cut) {
    private static final long PATIENCE_SECONDS = 120;

    /**
     * Submits requests at once and waits for their ends, or cuts them off when time is up. The engine is held at a token of another
     * sequence until it has them all, so that they begin together however slowly they are submitted.
     *
     * @throws SlayerException if one fails
     */
    static Load run(Engine engine, List<SequenceRequest> requests, Budget budget) {
        List<Trace> traces = new ArrayList<>();
        List<Engine.Ticket> tickets = new ArrayList<>();
        Hold hold = new Hold();
        Engine.Ticket pilot = engine.submit(pilot(requests.getFirst()), hold);
        long begun;
        try {
            hold.awaitHeld();
            for (SequenceRequest request : requests) {
                Trace trace = new Trace(request);
                tickets.add(engine.submit(request, trace));
                traces.add(trace);
            }
        } catch (RuntimeException e) {
            pilot.cancel();
            tickets.forEach(Engine.Ticket::cancel);
            throw e;
        } finally {
            begun = System.nanoTime();
            hold.letGo();
        }
        CompletableFuture<Void> all =
                CompletableFuture.allOf(traces.stream().map(Trace::done).toArray(CompletableFuture<?>[]::new));
        boolean cut = !ended(all, budget.leftNanos());
        if (cut) {
            tickets.forEach(Engine.Ticket::cancel);
            if (!ended(all, TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS))) {
                throw SlayerException.internal(
                        "the engine did not end its sequences within " + PATIENCE_SECONDS + " s of being told to",
                        null);
            }
        }
        for (Trace trace : traces) {
            if (trace.failure().isPresent()) {
                throw trace.failure().get();
            }
        }
        return new Load(begun, traces, cut);
    }

    /** One token of the same stack. */
    private static SequenceRequest pilot(SequenceRequest like) {
        return new SequenceRequest(
                like.model(),
                like.layout(),
                new int[] {like.prompt()[0]},
                Sampling.GREEDY,
                StopRules.after(1),
                Scores.NONE,
                true);
    }

    /** Keeps the engine's thread at the first event of a sequence. */
    private static final class Hold implements SequenceListener {
        private final CountDownLatch held = new CountDownLatch(1);
        private final CountDownLatch released = new CountDownLatch(1);

        @Override
        public void on(SequenceEvent event) {
            held.countDown();
            await(released);
        }

        void awaitHeld() {
            await(held);
        }

        void letGo() {
            released.countDown();
        }

        private static void await(CountDownLatch latch) {
            try {
                if (!latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    throw SlayerException.internal("the engine did nothing for " + PATIENCE_SECONDS + " s", null);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new SlayerException(503, "interrupted", null, "The suite was interrupted.", e);
            }
        }
    }

    private static boolean ended(CompletableFuture<Void> all, long nanos) {
        try {
            all.get(nanos, TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SlayerException(503, "interrupted", null, "The suite was interrupted.", e);
        } catch (ExecutionException e) {
            throw SlayerException.internal("a trace failed: " + e.getCause(), e);
        }
    }

    /** Traces that were not cut off. */
    List<Trace> whole() {
        return traces.stream().filter(Trace::whole).toList();
    }

    /** Seconds from the beginning to the end of the last that was not cut off. */
    double seconds() {
        return (whole().stream().mapToLong(Trace::ended).max().orElse(begun) - begun) / 1e9;
    }

    /** What to say if not all ended; empty if they did. */
    String cutNote() {
        return cut ? "time was up after " + whole().size() + " of " + traces.size() : "";
    }
}
