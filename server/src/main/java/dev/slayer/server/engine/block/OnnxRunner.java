package dev.slayer.server.engine.block;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackCost;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A checkpoint on the CPU. All rows of a step lie packed in one matrix [T, hidden]: embedded, walked through their stacks, and
 * scored by the head.
 */
final class OnnxRunner implements Runner {
    private final ModelConfig config;
    private final KvPool pool;
    private final BlockStore store;
    private final LoadedCheckpoint loaded;
    private final Walk walk;
    private final Head head;
    private final Deque<Runnable> closers = new ArrayDeque<>();

    /**
     * Compiles every layer's block, and the head.
     *
     * @param name what layouts of other checkpoints call it
     * @param checkpoint stays open until the runner has retired; not closed by it
     * @param maxRows rows of the largest step
     * @throws dev.slayer.surgery.SlayerException if the checkpoint or the runtime fails
     */
    OnnxRunner(
            OnnxRuntime runtime,
            BlockStore store,
            String name,
            Checkpoint checkpoint,
            WeightType type,
            KvPool pool,
            int maxRows) {
        this.config = checkpoint.config();
        this.pool = pool;
        this.store = store;
        try {
            Attention attention = new Attention(runtime, config);
            closers.push(attention::close);
            this.walk = new Walk(config, attention, maxRows);
            closers.push(walk::close);
            this.head = new Head(runtime, config);
            closers.push(head::close);
            this.loaded = store.add(name, checkpoint, type); // last: layouts can use its layers from here on
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        return BlockStack.prepare(store, loaded, layout);
    }

    @Override
    public StackCost cost(Layout layout) {
        BlockStore.DerivedNeed need = store.need(loaded, layout);
        return new StackCost(need.bytes(), need.residentBytes(), KvCache.rowBytes(config, layout));
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
        embed(chunks);
        head.run(chunks, chunk -> (HeadWeights) stack(chunk).head(), walk.run(chunks), sink);
    }

    private static BlockStack stack(Chunk chunk) {
        return (BlockStack) chunk.stack();
    }

    /** How often a block ran in the last step, for however many rows. */
    int turns() {
        return walk.turns();
    }

    /** Looks up each row's embedding. */
    private void embed(List<Chunk> chunks) {
        long width = config.hiddenSize();
        int row = 0;
        for (Chunk chunk : chunks) {
            Embedding embedding = (Embedding) stack(chunk).embedding();
            for (int position = chunk.from(); position < chunk.end(); position++) {
                MemorySegment target = walk.rows().asSlice(row++ * width * Float.BYTES, width * Float.BYTES);
                embedding.read(chunk.tokens()[position], target);
            }
        }
    }

    @Override
    public CompletableFuture<Void> retire() {
        free();
        return store.retire(loaded);
    }

    private void free() {
        while (!closers.isEmpty()) {
            closers.pop().run(); // newest first
        }
    }
}
