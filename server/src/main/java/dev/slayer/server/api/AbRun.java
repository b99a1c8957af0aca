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
    private List<AbAnswer> answers = List.of();
    private AbScoring.Rows rows;
    private AbScoring[] comparisons;
    private int jobNumber;
    private int prompt = -1;
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
        this.comparisons = new AbScoring[request.variants().size()];
    }

    void start(AbOutput sink) {
        output = sink;
        try {
            nextPrompt();
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
            nextPrompt();
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
        forgetRows();
    }

    private void forgetRows() {
        rows = null;
        comparisons = new AbScoring[request.variants().size()];
    }

    private static void cancel(Job job) {
        job.ticket.cancel();
        job.time.ifPresent(time -> time.finished(System.nanoTime(), "abort"));
    }

    private void nextPrompt() {
        waiting = false;
        prompt++;
        answers = request.variants().stream()
                .map(variant -> new AbAnswer(prompt, variant, request.variants().size()))
                .toList();
        AbRequest.Task task = request.tasks().get(prompt);
        long begin = prompt == 0 ? arrival : System.nanoTime();
        for (AbVariant variant : List.copyOf(live)) {
            ModelMetrics metrics = scope.metrics().of(variant.model().name());
            metrics.asked(1, task.stop().maxTokens());
            ModelMetrics.Sequence time = metrics.arrived(begin, task.prompt().tokens().length);
            submit(
                    variant,
                    answers.get(variant.index()),
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
            case SequenceEvent.Generated token -> {
                job.time.ifPresent(time -> time.token(nanos));
                job.answer.add(token);
                output.token(job.answer, token);
            }
            case SequenceEvent.Finished finished -> {
                if (finished.reason() == FinishReason.CANCELLED) {
                    throw new SlayerException(
                            503, "cancelled", null, "The server cancelled this request while it shut down.", null);
                }
                jobs.remove(index);
                job.time.ifPresent(time -> time.finished(nanos, Choice.wireName(finished.reason())));
                if (job.scoring.isPresent()) {
                    scored(job, job.scoring.get());
                } else {
                    job.answer.finish(finished);
                }
            }
            case SequenceEvent.Failed failed -> drop(job.runs, failed.error());
        }
    }

    private void scored(Job job, AbScoring scoring) {
        job.answer.scored(job.runs, scoring.logprobs());
        if (scoring.compares()) {
            comparisons[job.runs.index()] = scoring;
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
            score(answers.get(variant.index()));
        }
        boolean done = true;
        for (AbVariant variant : live) {
            AbAnswer answer = answers.get(variant.index());
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
        if (!answer.ended()) {
            return;
        }
        AbVariant author = answer.variant();
        for (AbVariant under : List.copyOf(live)) {
            boolean tooEarly = author.isReference() && !under.isReference() && answer.logprobs(author) == null;
            if (live.contains(author) && live.contains(under) && !tooEarly && answer.ask(under)) {
                AbRequest.Task task = request.tasks().get(prompt);
                int[] tokens = answer.tokens();
                submit(
                        under,
                        answer,
                        Optional.of(scoring(author, under, tokens, task.prompt().tokens().length - 1)),
                        Optional.empty(),
                        request.scoring(task, tokens, under));
            }
        }
    }

    private AbScoring scoring(AbVariant author, AbVariant under, int[] tokens, int from) {
        if (!author.isReference()) {
            return AbScoring.of(tokens, from);
        }
        if (under.isReference()) {
            rows = new AbScoring.Rows(tokens.length);
            return AbScoring.keeping(tokens, from, rows);
        }
        return AbScoring.comparing(tokens, from, rows);
    }

    private void endPrompt() {
        AbVariant reference = request.variants().getFirst();
        List<AbSummary.Distance> distances = new ArrayList<>();
        for (AbVariant variant : live) {
            if (live.contains(reference) && !variant.isReference()) {
                AbScoring comparison = comparisons[variant.index()];
                AbSummary.Sums sums =
                        AbSummary.Sums.of(comparison, answers.getFirst().logprobs(reference));
                totals[variant.index()] = totals[variant.index()].plus(sums);
                distances.add(new AbSummary.Distance(variant, comparison.kl(), sums));
            }
        }
        forgetRows();
        output.summary(new AbSummary(OptionalInt.of(prompt), reference, distances));
        if (prompt + 1 == request.tasks().size()) {
            end(reference);
        } else if (output.ready()) {
            nextPrompt();
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
