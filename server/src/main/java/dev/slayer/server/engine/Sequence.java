package dev.slayer.server.engine;

import dev.slayer.server.text.IncrementalDecoder;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
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
    final Kv kv;
    /** Canonical text: equal for sequences that run the same stack. */
    final String layout;

    final SequenceTimes times = new SequenceTimes();
    private final PrefixCache prefixes;
    private final PrefixUse prefixUse = new PrefixUse();
    private final SequenceListener listener;
    private final Sampler sampler;
    private final IncrementalDecoder decoder;
    private final StopMatcher stops;
    private final Set<Integer> eos;
    private final Set<Integer> endTokens;
    private final List<TokenScore> promptScores = new ArrayList<>();
    private final Optional<Pooler> pooler;
    private int[] tokens;
    private int length;
    private int computed;
    private Optional<Stack> stack = Optional.empty();
    private TokenScore pendingScore;
    private int nextDistribution;
    private float[] distribution;
    private boolean promptReported;
    /** Whether the prefix cache has taken all that it was given. */
    private boolean kept;

    private int cachedTokens = -1;
    private boolean ended;

    Sequence(
            long id,
            SequenceRequest request,
            Runner runner,
            Vocabulary vocabulary,
            PrefixCache prefixes,
            SequenceListener listener) {
        this.id = id;
        this.request = request;
        this.runner = runner;
        this.prefixes = prefixes;
        this.kept = prefixes.on();
        this.listener = listener;
        this.kv = runner.openKv(request.layout());
        this.layout = request.layout().text();
        this.tokens = Arrays.copyOf(request.prompt(), request.prompt().length + 16);
        this.length = request.prompt().length;
        this.decoder = new IncrementalDecoder(vocabulary, request.prompt(), request.skipSpecialTokens());
        this.stops = new StopMatcher(request.stop().stop(), request.stop().includeStop());
        this.eos = request.stop().ignoreEos() ? Set.of() : runner.config().eosTokenIds();
        this.nextDistribution = request.scores().distributionsFrom().orElse(Integer.MAX_VALUE);
        this.pooler = request.pooling().map(pooling -> new Pooler(pooling, request.prompt().length));
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
        return new Chunk(tokens, computed, count, outputs(), stack.orElseThrow(), kv);
    }

    private Outputs outputs() {
        int prompt = request.prompt().length;
        // After a preemption, positions that have been scored are computed again but not scored again.
        int scoresFrom = Math.max(computed, promptScores.size());
        int logitsFrom = wantsNoToken() ? length : length - 1;
        if (nextDistribution < prompt - 1) {
            logitsFrom = Math.min(logitsFrom, Math.max(computed, nextDistribution));
        }
        Outputs outputs = request.scores().prompt()
                ? new Outputs(scoresFrom, prompt - 1, request.scores().top(), logitsFrom)
                : Outputs.logitsFrom(logitsFrom);
        outputs = outputs.andHiddenFrom(nextHidden());
        boolean plain = logitsFrom == length - 1 && banned().isEmpty() && sampler.plain();
        return runner.draws() && plain ? outputs.drawing(wantedDraw()) : outputs;
    }

    private Draw wantedDraw() {
        int top = request.scores().generated() ? request.scores().top() : -1;
        return new Draw(length - 1, sampler.temperature(), sampler.uniform(), top);
    }

    /** What the prefix cache has of this sequence; for {@link #reuse}, before the first chunk. */
    PrefixHit cached() {
        return prefixes.find(prefixKey(), scoresWanted());
    }

    /** How many rows of a hit spare computing: one row at least must run, and the one that scores the first token that is new. */
    int reusable(PrefixHit hit) {
        int rows = Math.min(hit.rows(), length - 1);
        if (scoresWanted().isPresent()) {
            rows = Math.min(rows, Math.max(hit.rows() - 1, 0));
        }
        return Math.min(rows, Math.min(nextDistribution, nextHidden()));
    }

    /** Goes on from the rows of a hit, for which the cache must have room. */
    void reuse(PrefixHit hit) {
        int rows = reusable(hit);
        if (cachedTokens < 0) {
            cachedTokens = rows;
        }
        if (rows > 0) {
            prefixes.use(hit, prefixUse);
            hit.copyTo(kv, rows);
            computed = rows;
            if (request.scores().prompt()) {
                for (int token = promptScores.size() + 1;
                        token <= Math.min(rows, request.prompt().length - 1);
                        token++) {
                    promptScores.add(hit.score(token).naming(request.scores().top()));
                }
            }
        }
    }

    /** Prompt tokens that came from the prefix cache. */
    int cachedTokens() {
        return Math.max(cachedTokens, 0);
    }

    /** Whether this sequence, which runs, will soon have put into the prefix cache what spares another so many rows. */
    boolean willSpare(Sequence other, int rows) {
        if (!kept
                || computed >= request.prompt().length
                || !runner.equals(other.runner)
                || !path().equals(other.path())) {
            return false;
        }
        boolean scoresDiffer = other.scoresWanted().isPresent()
                && (!request.scores().prompt()
                        || request.scores().top() < other.request.scores().top());
        int most = Math.min(request.prompt().length, other.length);
        int mismatch = Arrays.mismatch(tokens, 0, most, other.tokens, 0, most);
        PrefixHit hit = new PrefixHit(List.of(), mismatch < 0 ? most : mismatch);
        return !scoresDiffer && other.reusable(hit) >= rows;
    }

    private StackPath path() {
        return stack.orElseThrow().path();
    }

    private PrefixCache.Key prefixKey() {
        return new PrefixCache.Key(runner, path(), tokens, length);
    }

    /** Present while prompt scores are missing: how many tokens they name. */
    private OptionalInt scoresWanted() {
        boolean missing = request.scores().prompt() && promptScores.size() < request.prompt().length - 1;
        int top = Math.min(request.scores().top(), runner.config().vocabularySize());
        return missing ? OptionalInt.of(top) : OptionalInt.empty();
    }

    /** Puts what has been computed into the prefix cache. */
    private void keepPrefix() {
        kept = prefixes.store(prefixKey(), computed, this::promptScore, kv, prefixUse);
    }

    private TokenScore promptScore(int token) {
        return token == 0 || token > promptScores.size() ? null : promptScores.get(token - 1);
    }

    /** The KV is gone; everything must be computed again. */
    void preempt() {
        kv.close();
        prefixUse.close();
        computed = 0;
    }

    /**
     * Takes the score of the next prompt token; called in ascending order of positions.
     *
     * @throws LogSoftmax.NotFiniteException if it is not a number
     */
    void scored(TokenScore score) {
        if (Float.isNaN(score.logprob())) {
            throw new LogSoftmax.NotFiniteException(score.logprob());
        }
        promptScores.add(score);
    }

    /** Takes the hidden state of a position; called in ascending order of positions. */
    void pool(int position, float[] hidden) {
        pooler.orElseThrow().take(position, hidden);
    }

    /** The position whose hidden state is wanted next; behind all positions if none is. */
    private int nextHidden() {
        return pooler.map(Pooler::next).orElse(Integer.MAX_VALUE);
    }

    /**
     * Takes the logits of a position; called in ascending order of positions. Draws the next token if the position is the last.
     *
     * @return the token drawn, or -1
     */
    int draw(int position, float[] logits) {
        int vocabulary = runner.config().vocabularySize();
        boolean draws = position == length - 1 && !wantsNoToken();
        boolean tellsAll = position < request.prompt().length - 1 && position >= nextDistribution;
        boolean scoresDrawn = draws && request.scores().generated();
        LogSoftmax softmax = tellsAll || scoresDrawn ? new LogSoftmax(logits, vocabulary) : null;
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

    /**
     * Takes the next token, drawn on the device.
     *
     * @throws LogSoftmax.NotFiniteException if its score is not a number
     */
    int drawn(int token, Optional<TokenScore> score) {
        if (score.isPresent() && Float.isNaN(score.get().logprob())) {
            throw new LogSoftmax.NotFiniteException(score.get().logprob());
        }
        pendingScore = score.orElse(null);
        sampler.drawn();
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
        if (chunk.from() < request.prompt().length) {
            keepPrefix();
        }
        boolean promptDone = computed >= request.prompt().length;
        if (promptDone && !promptReported) {
            promptReported = true;
            times.promptDone();
            if (request.scores().prompt()) {
                emit(new SequenceEvent.PromptScored(List.copyOf(promptScores)));
            }
            pooler.ifPresent(all -> emit(new SequenceEvent.Pooled(all.vector())));
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
            complete(FinishReason.STOP, Optional.of(match.stop().get()), "");
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
            complete(FinishReason.STOP, Optional.of(rest.stop().get()), rest.text());
        } else {
            complete(reason, stopReason, rest.text() + stops.flush());
        }
    }

    private void complete(FinishReason reason, Optional<Object> stopReason, String text) {
        if (computed > request.prompt().length) {
            keepPrefix(); // the next turn of a chat begins with the answer
        }
        end(new SequenceEvent.Finished(reason, stopReason, text, cachedTokens()));
    }

    /** Ends because somebody wants it to. */
    void cancel() {
        if (!ended) {
            end(new SequenceEvent.Finished(FinishReason.CANCELLED, Optional.empty(), stops.flush(), cachedTokens()));
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
        prefixUse.close();
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
