package dev.slayer.server.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A listener that keeps what it hears and lets a test wait for it. */
public final class Recorder implements SequenceListener {
    private final List<SequenceEvent> events = new ArrayList<>();
    private final CompletableFuture<SequenceEvent> end = new CompletableFuture<>();
    private final CountDownLatch firstToken = new CountDownLatch(1);

    @Override
    public synchronized void on(SequenceEvent event) {
        if (end.isDone()) {
            throw new IllegalStateException("an event after the last: " + event);
        }
        events.add(event);
        switch (event) {
            case SequenceEvent.Generated generated -> firstToken.countDown();
            case SequenceEvent.Finished finished -> end.complete(event);
            case SequenceEvent.Failed failed -> end.complete(event);
            case SequenceEvent.PromptScored scored -> {}
            case SequenceEvent.Pooled pooled -> {}
            case SequenceEvent.Distribution row ->
                events.set(
                        events.size() - 1,
                        new SequenceEvent.Distribution(
                                row.position(), row.logprobs().clone()));
        }
    }

    /** Waits for the last event. */
    public SequenceEvent await() {
        try {
            return end.get(60, TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError("the sequence did not end; events so far: " + events(), e);
        }
    }

    /** Waits for a Finished event. */
    public SequenceEvent.Finished finished() {
        return switch (await()) {
            case SequenceEvent.Finished finished -> finished;
            case SequenceEvent other -> throw new AssertionError("did not finish but: " + other);
        };
    }

    /** Waits for the first token. */
    public void awaitToken() {
        try {
            if (!firstToken.await(60, TimeUnit.SECONDS)) {
                throw new AssertionError("no token came");
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    public synchronized List<SequenceEvent> events() {
        return List.copyOf(events);
    }

    /** Generated tokens. */
    public int[] tokens() {
        return generated().stream().mapToInt(SequenceEvent.Generated::token).toArray();
    }

    /** Scores of generated tokens. */
    public List<TokenScore> scores() {
        return generated().stream()
                .map(SequenceEvent.Generated::score)
                .flatMap(Optional::stream)
                .toList();
    }

    /** Scores of the prompt. */
    public List<TokenScore> promptScores() {
        return events().stream()
                .filter(SequenceEvent.PromptScored.class::isInstance)
                .map(event -> ((SequenceEvent.PromptScored) event).scores())
                .findFirst()
                .orElseThrow();
    }

    /** The prompt's hidden states as one vector. */
    public float[] pooled() {
        return events().stream()
                .filter(SequenceEvent.Pooled.class::isInstance)
                .map(event -> ((SequenceEvent.Pooled) event).vector())
                .findFirst()
                .orElseThrow();
    }

    /** Distributions, in the order in which they came. */
    public List<SequenceEvent.Distribution> distributions() {
        return events().stream()
                .filter(SequenceEvent.Distribution.class::isInstance)
                .map(SequenceEvent.Distribution.class::cast)
                .toList();
    }

    /** All text, that of the last event included. */
    public String text() {
        SequenceEvent.Finished last = finished();
        StringBuilder text = new StringBuilder();
        generated().forEach(event -> text.append(event.text()));
        return text.append(last.text()).toString();
    }

    private List<SequenceEvent.Generated> generated() {
        return events().stream()
                .filter(SequenceEvent.Generated.class::isInstance)
                .map(SequenceEvent.Generated.class::cast)
                .toList();
    }
}
