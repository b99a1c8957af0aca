package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.FinishReason;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Sequences of a request while they are read. The engine gets a bounded number at a time, in order, so that a large
 * request neither fills its queue nor is refused by a queue that others fill. Lives on one event loop.
 *
 * @param <R> what is found out about each sequence
 */
final class ReadingRun<R> implements Mailbox.Recipient {
    /** Enough to fill the steps of an engine, few beside what its queue takes. */
    static final int AT_ONCE = 64;

    private static final long RETRY_MILLIS = 20;

    private final RoutingContext ctx;
    private final ServedModel model;
    private final List<? extends Reading<R>> readings;
    private final ApiScope scope;
    private final Mailbox mailbox;
    private final ModelMetrics metrics;
    private final long arrival;
    private final List<R> results;
    private final Map<Integer, Job> jobs = new HashMap<>();
    private Consumer<Outcome<R>> outcome;
    private int submitted;
    private int finished;
    private long cachedTokens;
    private boolean retries;
    private boolean over;

    /** A sequence in progress. */
    private record Job(ModelMetrics.Sequence time, Engine.Ticket ticket) {}

    /**
     * All results.
     *
     * @param results of the sequences, in their order
     * @param cachedTokens of all sequences
     */
    record Outcome<R>(List<R> results, long cachedTokens) {}

    ReadingRun(
            RoutingContext ctx,
            ServedModel model,
            List<? extends Reading<R>> readings,
            ApiScope scope,
            Mailbox mailbox,
            long arrival) {
        this.ctx = ctx;
        this.model = model;
        this.readings = readings;
        this.scope = scope;
        this.mailbox = mailbox;
        this.metrics = scope.metrics().of(model.name());
        this.arrival = arrival;
        this.results = new ArrayList<>(Collections.nCopies(readings.size(), null));
    }

    /** Begins. Fails the request if the engine refuses the first sequence. */
    void start(Consumer<Outcome<R>> whenDone) {
        outcome = whenDone;
        settle();
    }

    @Override
    public void on(int index, SequenceEvent event, long nanos) {
        Job job = jobs.get(index);
        if (over || job == null) {
            return;
        }
        try {
            accept(index, job, event, nanos);
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Goes on with what has become possible. */
    @Override
    public void settle() {
        if (over) {
            return;
        }
        try {
            if (finished == readings.size()) {
                over = true;
                outcome.accept(new Outcome<>(List.copyOf(results), cachedTokens));
                return;
            }
            boolean room = true;
            while (room && submitted < readings.size() && jobs.size() < AT_ONCE) {
                room = submit(submitted);
            }
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    private void accept(int index, Job job, SequenceEvent event, long nanos) {
        switch (event) {
            case SequenceEvent.Distribution unasked -> {}
            case SequenceEvent.Generated unasked -> {}
            case SequenceEvent.PromptScored scored -> take(index, scored);
            case SequenceEvent.Pooled pooled -> take(index, pooled);
            case SequenceEvent.Finished end -> {
                if (end.reason() == FinishReason.CANCELLED) {
                    throw Traffic.cancelled();
                }
                jobs.remove(index);
                job.time.finished(nanos, Choice.wireName(end.reason()));
                cachedTokens += end.cachedTokens();
                finished++;
            }
            case SequenceEvent.Failed failed -> throw failed.error();
        }
    }

    private void take(int index, SequenceEvent event) {
        readings.get(index).result(event).ifPresent(result -> results.set(index, result));
    }

    /**
     * Hands the next sequence to the engine. Once the request has got a foothold it waits where the queue is full: for a sequence of
     * its own to end, or, with none in progress, for a moment.
     *
     * @return whether the engine took it
     */
    private boolean submit(int index) {
        Reading<R> reading = readings.get(index);
        try {
            Engine.Ticket ticket = scope.engine().submit(reading.request(model), mailbox.listener(this, index));
            jobs.put(index, new Job(metrics.arrived(arrival, reading.length()), ticket));
            metrics.asked(1, 0);
            submitted++;
            return true;
        } catch (SlayerException e) {
            if (e.status() != 429 || submitted == 0) {
                throw e;
            }
            if (jobs.isEmpty() && !retries) {
                retries = true;
                ctx.vertx().setTimer(RETRY_MILLIS, timer -> {
                    retries = false;
                    settle();
                });
            }
            return false;
        }
    }

    /** Ends the request with an error, unless it has ended. */
    void fail(Throwable cause) {
        if (!over) {
            cancel();
            ctx.fail(cause);
        }
    }

    /** The client went away, or has its answer. */
    void abandon() {
        if (!over) {
            cancel();
        }
    }

    private void cancel() {
        over = true;
        jobs.values().forEach(job -> {
            job.ticket.cancel();
            job.time.finished(System.nanoTime(), "abort");
        });
        jobs.clear();
    }
}
