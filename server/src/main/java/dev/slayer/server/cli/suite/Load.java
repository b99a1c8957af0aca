package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * What came of requests that were submitted together.
 *
 * @param begun before the first was submitted, in System.nanoTime()
 * @param traces in their order
 * @param cut whether time was up before all had ended
 */
record Load(long begun, List<Trace> traces, boolean cut) {
    private static final long PATIENCE_SECONDS = 120;

    /**
     * Submits requests at once and waits for their ends, or cuts them off when time is up.
     *
     * @throws SlayerException if one fails
     */
    static Load run(Engine engine, List<SequenceRequest> requests, Budget budget) {
        List<Trace> traces = new ArrayList<>();
        List<Engine.Ticket> tickets = new ArrayList<>();
        long begun = System.nanoTime();
        try {
            for (SequenceRequest request : requests) {
                Trace trace = new Trace(request);
                tickets.add(engine.submit(request, trace));
                traces.add(trace);
            }
        } catch (RuntimeException e) {
            tickets.forEach(Engine.Ticket::cancel);
            throw e;
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
