package dev.slayer.server.engine;

import dev.slayer.server.text.IncrementalDecoder;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * One generation or scoring request in flight. After construction only the engine's thread touches it.
 *
 * <p>Its life: preparing (its blocks are being made), waiting, then running (it holds KV), perhaps waiting again (preempted: its KV is gone, its tokens stay), then
 * ended with exactly one Finished or Failed event.
 */
final class Sequence {
    final long id;
    final SequenceRequest request;
    final Runner runner;
    final KvCache kv;
    /** Canonical text: equal for sequences that run the same stack. */
    final String layout;

    final SequenceTimes times = new SequenceTimes();
    private final SequenceListener listener;
    private final Sampler sampler;
    private final IncrementalDecoder decoder;
    private final StopMatcher stops;
    private final Set<Integer> eos;
    private final Set<Integer> endTokens;
    private final List<TokenScore> promptScores = new ArrayList<>();
    private int[] tokens;
    private int length;
    private int computed;
    private Optional<Stack> stack = Optional.empty();
    private TokenScore pendingScore;
    private int nextDistribution;
    private float[] distribution;
    private boolean promptReported;
    private boolean ended;

    Sequence(long id, SequenceRequest request, Runner runner, Vocabulary vocabulary, SequenceListener listener) {
        this.id = id;
        this.request = request;
        this.runner = runner;
        this.listener = listener;
        this.kv = runner.openKv(request.layout());
        this.layout = request.layout().text();
        this.tokens = Arrays.copyOf(request.prompt(), request.prompt().length + 16);
        this.length = request.prompt().length;
        this.decoder = new IncrementalDecoder(vocabulary, request.prompt(), request.skipSpecialTokens());
        this.stops = new StopMatcher(request.stop().stop(), request.stop().includeStop());
        this.eos = request.stop().ignoreEos() ? Set.of() : runner.config().eosTokenIds();
        this.nextDistribution = request.scores().distributionsFrom().orElse(Integer.MAX_VALUE);
        this.endTokens = new HashSet<>(eos);
        endTokens.addAll(request.stop().stopTokenIds());
        this.sampler = new Sampler(
                request.sampling(),
                request.prompt(),
                request.guide().map(guide -> guide.begin(decoder.dropsSpace())),
                endTokens);
    }

    /** Tokens known so far, prompt included. */
    int length() {
        return length;
    }

    /** Rows in the KV cache. */
    int computed() {
        return computed;
    }

    int generated() {
        return length - request.prompt().length;
    }

    boolean ended() {
        return ended;
    }

    /** Takes over the stack to run; before the first chunk. */
    void stack(Stack ready) {
        if (ended) {
            ready.close();
        } else {
            stack = Optional.of(ready);
        }
    }

    /** The next rows to run, at most so many; the cache must have room for them. */
    Chunk chunk(int count) {
        int scoredFrom = wantsNoToken() ? length : length - 1;
        // After a preemption, positions that have been scored are computed again but not scored again.
        if (request.scores().prompt()) {
            scoredFrom = Math.min(scoredFrom, Math.max(computed, promptScores.size()));
        }
        if (nextDistribution < request.prompt().length - 1) {
            scoredFrom = Math.min(scoredFrom, Math.max(computed, nextDistribution));
        }
        return new Chunk(tokens, length, computed, count, scoredFrom, stack.orElseThrow(), kv);
    }

    /** The KV is gone; everything must be computed again. */
    void preempt() {
        kv.close();
        computed = 0;
    }

    /**
     * Takes the logits of a position; called in ascending order of positions. Draws the next token if the position is the last.
     *
     * @return the token drawn, or -1
     */
    int score(int position, float[] logits) {
        int vocabulary = runner.config().vocabularySize();
        boolean last = position == length - 1;
        boolean draws = last && !wantsNoToken();
        boolean predictsPrompt = position < request.prompt().length - 1;
        boolean scoresPrompt = predictsPrompt && request.scores().prompt();
        boolean tellsAll = predictsPrompt && position >= nextDistribution;
        boolean scoresDrawn = draws && request.scores().generated();
        LogSoftmax softmax = scoresPrompt || tellsAll || scoresDrawn ? new LogSoftmax(logits, vocabulary) : null;
        if (scoresPrompt) {
            promptScores.add(
                    softmax.score(tokens[position + 1], request.scores().top()));
        }
        if (tellsAll) {
            tellAll(position, softmax, vocabulary);
        }
        if (!draws) {
            return -1;
        }
        if (!scoresDrawn) {
            return sampler.next(logits, vocabulary, banned());
        }
        // The sampler changes the logits, and a score is taken before any change: the sampler gets a copy.
        int token = sampler.next(Arrays.copyOf(logits, vocabulary), vocabulary, banned());
        pendingScore = softmax.score(token, request.scores().top());
        return token;
    }

    private void tellAll(int position, LogSoftmax softmax, int vocabulary) {
        if (distribution == null) {
            distribution = new float[vocabulary];
        }
        softmax.all(distribution);
        nextDistribution = position + 1;
        emit(new SequenceEvent.Distribution(position, distribution));
    }

    /** The rows of a chunk are in the cache; the token drawn after them, if any, becomes the newest. */
    void settle(Chunk chunk, int drawn) {
        computed = chunk.end();
        boolean promptDone = computed >= request.prompt().length;
        if (promptDone && !promptReported) {
            promptReported = true;
            times.promptDone();
            if (request.scores().prompt()) {
                emit(new SequenceEvent.PromptScored(List.copyOf(promptScores)));
            }
        }
        if (drawn >= 0) {
            append(drawn);
        } else if (promptDone && wantsNoToken()) {
            finish(FinishReason.LENGTH, Optional.empty());
        }
    }

    private void append(int token) {
        if (length == tokens.length) {
            tokens = Arrays.copyOf(tokens, length * 2);
        }
        tokens[length++] = token;
        Optional<TokenScore> score = Optional.ofNullable(pendingScore);
        pendingScore = null;
        boolean mayStop = generated() >= request.stop().minTokens();
        if (mayStop && endTokens.contains(token)) {
            emit(new SequenceEvent.Generated(token, "", score));
            finish(FinishReason.STOP, eos.contains(token) ? Optional.empty() : Optional.of(token));
            return;
        }
        StopMatcher.Match match = stops.append(decoder.append(token), mayStop);
        emit(new SequenceEvent.Generated(token, match.text(), score));
        if (match.stop().isPresent()) {
            end(new SequenceEvent.Finished(
                    FinishReason.STOP, Optional.of(match.stop().get()), "", 0));
        } else if (sampler.exhausted()) {
            finish(FinishReason.STOP, Optional.empty());
        } else if (generated() == request.stop().maxTokens()) {
            finish(FinishReason.LENGTH, Optional.empty());
        }
    }

    /** Ends with what was held back: half a character, or the beginning of a stop string that did not come. */
    private void finish(FinishReason reason, Optional<Object> stopReason) {
        StopMatcher.Match rest = stops.append(decoder.flush(), reason == FinishReason.LENGTH);
        if (rest.stop().isPresent()) {
            end(new SequenceEvent.Finished(
                    FinishReason.STOP, Optional.of(rest.stop().get()), rest.text(), 0));
        } else {
            end(new SequenceEvent.Finished(reason, stopReason, rest.text() + stops.flush(), 0));
        }
    }

    /** Ends because somebody wants it to. */
    void cancel() {
        if (!ended) {
            end(new SequenceEvent.Finished(FinishReason.CANCELLED, Optional.empty(), stops.flush(), 0));
        }
    }

    /** Ends because it cannot go on. */
    void fail(SlayerException error) {
        if (!ended) {
            end(new SequenceEvent.Failed(error));
        }
    }

    private void end(SequenceEvent event) {
        ended = true;
        kv.close();
        stack.ifPresent(Stack::close);
        times.ended();
        emit(event);
    }

    private void emit(SequenceEvent event) {
        listener.on(event);
    }

    private boolean wantsNoToken() {
        return request.stop().maxTokens() == 0;
    }

    private Set<Integer> banned() {
        return generated() < request.stop().minTokens() ? endTokens : Set.of();
    }
}
