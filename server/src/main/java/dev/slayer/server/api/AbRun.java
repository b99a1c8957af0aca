package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.FinishReason;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceListener;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A comparison while it runs. Prompt after prompt, all variants answer at the same time; a complete answer is scored under the other
 * variants, the reference's first under itself. A variant that fails is dropped, the others go on. Lives on one event loop.
 */
final class AbRun implements Mailbox.Recipient {
    private final AbRequest request;
    private final ApiScope scope;
    private final Mailbox mailbox;
    private final long arrival;
    private final List<AbVariant> live;
    private final Map<Integer, Job> jobs = new HashMap<>();
    private final AbSummary.Sums[] totals;
    private AbOutput output;
    private AbRound round;
    private int jobNumber;
    private boolean waiting;
    private boolean over;

    /** A sequence in progress: one that generates an answer, or one that scores it under a variant. */
    private record Job(
            AbVariant runs,
            AbAnswer answer,
            Optional<AbScoring> scoring,
            Optional<ModelMetrics.Sequence> time,
            Engine.Ticket ticket) {}

    AbRun(AbRequest request, ApiScope scope, Mailbox mailbox, long arrival) {
        this.request = request;
        this.scope = scope;
        this.mailbox = mailbox;
        this.arrival = arrival;
        this.live = new ArrayList<>(request.variants());
        this.totals = new AbSummary.Sums[request.variants().size()];
        Arrays.fill(totals, AbSummary.Sums.NONE);
    }

    void start(AbOutput sink) {
        output = sink;
        try {
            begin(0);
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** The client has caught up. */
    void resume() {
        if (over || !waiting) {
            return;
        }
        try {
            begin(round.prompt() + 1);
            output.flush();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    @Override
    public void on(int index, SequenceEvent event, long nanos) {
        Job job = jobs.get(index);
        if (over || job == null) {
            return; // of a variant that has been dropped
        }
        try {
            accept(index, job, event, nanos);
            advance();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    @Override
    public void settle() {
        try {
            output.flush();
        } catch (RuntimeException e) {
            fail(e);
        }
    }

    /** Ends the request with an error, whatever state it is in. */
    void fail(Throwable cause) {
        if (!over) {
            cancel();
            output.fail(cause);
        }
    }

    /** The client went away, or has been told everything. */
    void abandon() {
        if (!over) {
            cancel();
        }
        output.release();
    }

    private void cancel() {
        over = true;
        List.copyOf(jobs.values()).forEach(AbRun::cancel);
        jobs.clear();
    }

    private static void cancel(Job job) {
        job.ticket.cancel();
        job.time.ifPresent(time -> time.finished(System.nanoTime(), "abort"));
    }

    private void begin(int prompt) {
        waiting = false;
        AbRequest.Task task = request.tasks().get(prompt);
        round = new AbRound(prompt, task, request.variants());
        long began = prompt == 0 ? arrival : System.nanoTime();
        for (AbVariant variant : List.copyOf(live)) {
            ModelMetrics metrics = scope.metrics().of(variant.model().name());
            metrics.asked(1, task.stop().maxTokens());
            ModelMetrics.Sequence time = metrics.arrived(began, task.prompt().tokens().length);
            submit(
                    variant,
                    round.answer(variant),
                    Optional.empty(),
                    Optional.of(time),
                    request.generation(task, variant));
        }
    }

    private void submit(
            AbVariant runs,
            AbAnswer answer,
            Optional<AbScoring> scoring,
            Optional<ModelMetrics.Sequence> time,
            SequenceRequest sequence) {
        int index = jobNumber++;
        SequenceListener letters = mailbox.listener(this, index);
        SequenceListener listener = event -> {
            if (event instanceof SequenceEvent.Distribution row) {
                scoring.ifPresent(taker -> taker.take(row));
            } else {
                letters.on(event);
            }
        };
        try {
            jobs.put(index, new Job(runs, answer, scoring, time, scope.engine().submit(sequence, listener)));
        } catch (SlayerException e) {
            time.ifPresent(clock -> clock.finished(System.nanoTime(), "abort"));
            drop(runs, e);
        }
    }

    private void accept(int index, Job job, SequenceEvent event, long nanos) {
        switch (event) {
            case SequenceEvent.Distribution taken -> {}
            case SequenceEvent.PromptScored unasked -> {}
            case SequenceEvent.Pooled unasked -> {}
            case SequenceEvent.Generated token -> {
                job.time.ifPresent(time -> time.token(nanos));
                job.answer.add(token);
                output.token(job.answer, token);
            }
            case SequenceEvent.Finished finished -> {
                if (finished.reason() == FinishReason.CANCELLED) {
                    throw Traffic.cancelled();
                }
                jobs.remove(index);
                job.time.ifPresent(time -> time.finished(nanos, Choice.wireName(finished.reason())));
                if (job.scoring.isPresent()) {
                    round.scored(job.answer, job.runs, job.scoring.get());
                } else {
                    job.answer.finish(finished);
                }
            }
            case SequenceEvent.Failed failed -> drop(job.runs, failed.error());
        }
    }

    /**
     * A variant takes no further part.
     *
     * @throws SlayerException the error itself if it is not the variant's, or nobody is left
     */
    private void drop(AbVariant variant, SlayerException error) {
        boolean serverBusy = error.status() == 429 || error.status() == 503;
        if (serverBusy || (live.contains(variant) && live.size() == 1)) {
            throw error;
        }
        if (!live.remove(variant)) {
            return;
        }
        jobs.values().removeIf(job -> {
            boolean gone = job.runs.equals(variant) || job.answer.variant().equals(variant);
            if (gone) {
                cancel(job);
            }
            return gone;
        });
        output.failure(variant, error);
    }

    /** Does what has become possible. */
    private void advance() {
        for (AbVariant variant : List.copyOf(live)) {
            score(round.answer(variant));
        }
        boolean done = true;
        for (AbVariant variant : live) {
            AbAnswer answer = round.answer(variant);
            if (!answer.complete(live)) {
                done = false;
            } else if (answer.report()) {
                output.answer(answer);
            }
        }
        if (done) {
            endPrompt();
        }
    }

    /** Has an answer scored under the variants that have not been asked; the others wait for the reference's distributions. */
    private void score(AbAnswer answer) {
        for (AbVariant under : List.copyOf(live)) {
            boolean wanted = live.contains(answer.variant()) && live.contains(under);
            if (wanted && round.ask(answer, under)) {
                submit(
                        under,
                        answer,
                        Optional.of(round.scoring(answer, under)),
                        Optional.empty(),
                        request.scoring(round.task(), answer.tokens(), under));
            }
        }
    }

    private void endPrompt() {
        AbVariant reference = request.variants().getFirst();
        List<AbSummary.Distance> distances = round.distances(reference, live);
        for (AbSummary.Distance distance : distances) {
            int index = distance.variant().index();
            totals[index] = totals[index].plus(distance.sums());
        }
        int prompt = round.prompt();
        round.forget();
        output.summary(new AbSummary(OptionalInt.of(prompt), reference, distances));
        if (prompt + 1 == request.tasks().size()) {
            end(reference);
        } else if (output.ready()) {
            begin(prompt + 1);
        } else {
            waiting = true;
        }
    }

    private void end(AbVariant reference) {
        List<AbSummary.Distance> distances = live.stream()
                .filter(variant -> totals[variant.index()].tokens() > 0)
                .map(variant -> new AbSummary.Distance(variant, new double[0], totals[variant.index()]))
                .toList();
        output.summary(new AbSummary(OptionalInt.empty(), reference, distances));
        over = true;
        output.finish();
    }
}
