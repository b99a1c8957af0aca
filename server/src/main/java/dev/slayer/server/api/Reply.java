package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.FinishReason;
import dev.slayer.server.engine.SequenceEvent;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.List;

/**
 * The answer to one request while it is made: collects the events of its sequences, cancels them when nobody waits any more.
 * Lives on one event loop.
 */
abstract sealed class Reply implements Mailbox.Recipient permits WholeReply, StreamReply {
    final RoutingContext ctx;
    final Generation generation;
    final ReplyWriter writer;
    final List<Choice> choices = new ArrayList<>();
    private final ModelMetrics metrics;
    private final List<ModelMetrics.Sequence> times = new ArrayList<>();
    private final List<Engine.Ticket> tickets = new ArrayList<>();
    private int unfinished;
    private boolean over;

    Reply(RoutingContext ctx, Generation generation, ModelMetrics metrics) {
        this.ctx = ctx;
        this.generation = generation;
        this.metrics = metrics;
        this.writer = new ReplyWriter(generation);
        this.unfinished = generation.sequences().size();
        for (int i = 0; i < unfinished; i++) {
            choices.add(new Choice(i, generation.prompt(i)));
        }
    }

    /** Submits the sequences. Fails the request, and cancels those that were taken, if the engine refuses one. */
    final void start(Engine engine, Mailbox mailbox, long arrival) {
        try {
            int n = generation.options().n();
            for (Choice choice : choices) {
                if (choice.index() % n == 0) {
                    metrics.asked(
                            n, generation.sequences().get(choice.index()).stop().maxTokens());
                }
                times.add(metrics.arrived(arrival, choice.prompt().tokens().length));
                tickets.add(engine.submit(
                        generation.sequences().get(choice.index()), mailbox.listener(this, choice.index())));
            }
        } catch (RuntimeException e) {
            cancel();
            ctx.fail(e);
        }
    }

    /** Takes an event; whatever goes wrong with it ends this reply and no other. */
    @Override
    public final void on(int index, SequenceEvent event, long nanos) {
        if (over) {
            return;
        }
        try {
            accept(choices.get(index), times.get(index), event, nanos);
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Sends what the last events made. */
    @Override
    public final void settle() {
        try {
            flush();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    private void accept(Choice choice, ModelMetrics.Sequence time, SequenceEvent event, long nanos) {
        switch (event) {
            case SequenceEvent.Distribution unasked -> {}
            case SequenceEvent.Pooled unasked -> {}
            case SequenceEvent.PromptScored scored -> choice.scored(scored.scores());
            case SequenceEvent.Generated token -> {
                time.token(nanos);
                choice.add(token);
                grown(choice);
            }
            case SequenceEvent.Finished finished -> {
                if (finished.reason() == FinishReason.CANCELLED) {
                    throw Traffic.cancelled();
                }
                time.finished(nanos, Choice.wireName(finished.reason()));
                choice.finish(finished);
                unfinished--;
                ended(choice);
                if (unfinished == 0) {
                    over = true;
                    complete();
                }
            }
            case SequenceEvent.Failed failed -> throw failed.error();
        }
    }

    /** Ends the request with an error, whatever state it is in. */
    final void fail(Throwable cause) {
        if (!over) {
            cancel();
            breakOff(cause);
        }
    }

    /** The client went away: nothing can be said to it any more. */
    final void abandon() {
        if (!over) {
            cancel();
        }
        release();
    }

    final boolean finished() {
        return unfinished == 0;
    }

    private void cancel() {
        over = true;
        tickets.forEach(Engine.Ticket::cancel);
        choices.stream().filter(choice -> choice.end().isEmpty()).forEach(choice -> {
            if (choice.index() < times.size()) {
                times.get(choice.index()).finished(System.nanoTime(), "abort");
            }
        });
    }

    /** A choice has a new token. */
    abstract void grown(Choice choice);

    /** A choice has come to its end. */
    abstract void ended(Choice choice);

    /** All choices have come to their end. */
    abstract void complete();

    /** Sends what the last events made. */
    abstract void flush();

    /** Tells the client that the request failed; its sequences are cancelled already. */
    abstract void breakOff(Throwable cause);

    /** The connection is gone: frees what is left. */
    abstract void release();
}
