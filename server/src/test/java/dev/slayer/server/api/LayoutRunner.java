package dev.slayer.server.api;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.PlainHead;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackCost;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;

/** A model without weights whose every layout has an opinion of its own. Layouts with averages cannot be made. */
final class LayoutRunner implements Runner {
    private final KvPool pool;
    private final ModelConfig config;
    private volatile Duration pace = Duration.ZERO;

    LayoutRunner(KvPool pool, ModelConfig config) {
        this.pool = pool;
        this.config = config;
    }

    /** Waits that long before each step. */
    void pace(Duration between) {
        pace = between;
    }

    /** What a layout expects after a token: [vocabulary]; letters mostly, and never a special token. */
    static float[] logits(int vocabulary, String layout, int token) {
        float[] logits = new float[vocabulary];
        for (int next = 0; next < vocabulary; next++) {
            long hash = (layout.hashCode() * 31L + token) * 0x9E3779B97F4A7C15L + next * 0xC2B2AE3D27D4EB4FL;
            hash = (hash ^ (hash >>> 29)) * 0xBF58476D1CE4E5B9L;
            float own = (hash >>> 40) / (float) (1 << 24);
            float common = next == 'a' + (token + 1) % 26 ? 1.2f : 0;
            logits[next] = next >= 'a' && next <= 'z' ? 4 + common + 2 * own : own - 20;
        }
        return logits;
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        return layout.text().contains("avg")
                ? CompletableFuture.failedFuture(new SlayerException(
                        507, "derived_blocks_full", "model", "There is no room for averages.", null))
                : CompletableFuture.completedFuture(Stack.of(layout));
    }

    @Override
    public StackCost cost(Layout layout) {
        return new StackCost(0, 0, 0);
    }

    @Override
    public Kv openKv(Layout layout) {
        return KvCache.of(pool, config, layout);
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return KvCache.peakBytes(config, layout, rows);
    }

    @Override
    public void run(List<Chunk> chunks, Sink sink) {
        LockSupport.parkNanos(pace.toNanos());
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            String layout = chunk.stack().layout().text();
            for (int position = chunk.from(); position < chunk.end(); position++) {
                if (chunk.outputs().any(position)) {
                    float[] logits = logits(config.vocabularySize(), layout, chunk.tokens()[position]);
                    PlainHead.tell(i, chunk, position, logits, sink);
                }
            }
        }
    }

    @Override
    public CompletableFuture<Void> retire() {
        return CompletableFuture.completedFuture(null);
    }
}
