package dev.slayer.server.cli.suite;

import dev.slayer.server.engine.FinishReason;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceListener;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** What came of a sequence and when. Written by the engine's thread; read when {@link #done} has completed. */
final class Trace implements SequenceListener {
    private final SequenceRequest request;
    private final long submitted = System.nanoTime();
    private final long[] times;
    private final List<TokenScore> promptScores = new ArrayList<>();
    private final List<TokenScore> scores = new ArrayList<>();
    private final CompletableFuture<Void> done = new CompletableFuture<>();
    private int count;
    private long ended;
    private boolean whole;
    private SlayerException failure;

    Trace(SequenceRequest request) {
        this.request = request;
        this.times = new long[request.stop().maxTokens()];
    }

    @Override
    public void on(SequenceEvent event) {
        switch (event) {
            case SequenceEvent.Generated(int _, String _, Optional<TokenScore> score) -> {
                times[count++] = System.nanoTime();
                score.ifPresent(scores::add);
            }
            case SequenceEvent.PromptScored(List<TokenScore> all) -> promptScores.addAll(all);
            case SequenceEvent.Finished finished -> {
                ended = System.nanoTime();
                whole = finished.reason() != FinishReason.CANCELLED;
                done.complete(null);
            }
            case SequenceEvent.Failed(SlayerException error) -> {
                failure = error;
                done.complete(null);
            }
            case SequenceEvent.Distribution _, SequenceEvent.Pooled _ -> {}
        }
    }

    CompletableFuture<Void> done() {
        return done;
    }

    /** Why it failed, if it did. */
    Optional<SlayerException> failure() {
        return Optional.ofNullable(failure);
    }

    SequenceRequest request() {
        return request;
    }

    /** Whether it came to its end, rather than being cut off. */
    boolean whole() {
        return whole;
    }

    long submitted() {
        return submitted;
    }

    long ended() {
        return ended;
    }

    /** When each token came: [tokens]. */
    long[] times() {
        return Arrays.copyOf(times, count);
    }

    /** Scores of the prompt's tokens from the second on. */
    List<TokenScore> promptScores() {
        return promptScores;
    }

    /** Scores of generated tokens. */
    List<TokenScore> scores() {
        return scores;
    }
}
