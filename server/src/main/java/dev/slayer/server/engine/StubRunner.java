package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/**
 * A model without weights that answers at once: after token t it expects t + 1, within a range of printable tokens. With it,
 * benchmarks see the cost of HTTP and scheduling alone, and tests of the engine need no checkpoint. A token's hidden state is 1 at the
 * place of the token, modulo its size, and 0 elsewhere.
 */
public final class StubRunner implements Runner {
    private static final float SURE = 8;
    private static final int HIDDEN = 16;

    private final KvPool pool;
    private final ModelConfig config;
    private final int first;
    private final int count;
    private final float[] logits;
    private final float[] hidden;

    /**
     * @param vocabulary tokens
     * @param first the first token it ever says
     * @param count how many it says before it starts again at the first
     * @param eos its EOS token, which it never says by itself
     */
    public StubRunner(KvPool pool, int vocabulary, int first, int count, int eos, int contextLength) {
        this.pool = pool;
        this.first = first;
        this.count = count;
        this.logits = new float[vocabulary];
        this.hidden = new float[HIDDEN];
        this.config = new ModelConfig(
                "LlamaForCausalLM",
                HIDDEN,
                2,
                1,
                1,
                16,
                16,
                vocabulary,
                contextLength,
                1e-5f,
                new RopeConfig(10_000, new RopeConfig.Scaling.None()),
                OptionalInt.empty(),
                false,
                OptionalInt.empty(),
                Set.of(eos));
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public Kv openKv(Layout layout) {
        return KvCache.of(pool, config, layout);
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return KvCache.peakBytes(config, layout, rows);
    }

    /** The token that follows a token. */
    public int after(int token) {
        return first + Math.floorMod(token + 1 - first, count);
    }

    @Override
    public void run(List<Chunk> chunks, Sink sink) {
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            if (chunk.kv().capacity() < chunk.end()) {
                throw new IllegalStateException("no room in the cache for " + chunk.end() + " rows");
            }
            for (int position = chunk.from(); position < chunk.end(); position++) {
                if (chunk.outputs().any(position)) {
                    Arrays.fill(logits, 0);
                    logits[after(chunk.tokens()[position])] = SURE;
                    PlainHead.tell(i, chunk, position, logits, sink);
                }
                if (chunk.outputs().hidden(position)) {
                    Arrays.fill(hidden, 0);
                    hidden[chunk.tokens()[position] % HIDDEN] = 1;
                    sink.hidden(i, position, hidden);
                }
            }
        }
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        return CompletableFuture.completedFuture(Stack.of(layout));
    }

    @Override
    public StackCost cost(Layout layout) {
        return new StackCost(0, 0, KvCache.rowBytes(config, layout));
    }

    @Override
    public CompletableFuture<Void> retire() {
        return CompletableFuture.completedFuture(null);
    }
}
