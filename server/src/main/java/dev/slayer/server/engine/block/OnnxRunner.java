package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackCost;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.layout.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A checkpoint on the CPU. All rows of a step lie packed in one matrix [T, hidden]: embedded, walked through their stacks, and
 * scored by the head.
 */
final class OnnxRunner implements Runner {
    private static final int HEAD_ROWS = 64; // logits of more rows at once only cost memory

    private final ModelConfig config;
    private final KvPool pool;
    private final BlockStore store;
    private final LoadedCheckpoint loaded;
    private final Tensor embedding;
    private final Walk walk;
    private final Binding headBinding;
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment headRows;
    private final MemorySegment logits;
    private final float[] logitsRow;

    /**
     * Compiles every layer's block.
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
        this.embedding = checkpoint.tensor(TensorNames.EMBEDDING);
        closers.push(arena::close);
        try (Arena weights = Arena.ofShared()) {
            Attention attention = new Attention(runtime, config);
            closers.push(attention::close);
            this.walk = new Walk(config, attention, maxRows);
            closers.push(walk::close);
            Session head = runtime.session(new BlockGraphs(config, new Matrix(type, weights)).head(checkpoint));
            closers.push(head::close);
            this.headBinding = head.bind();
            closers.push(headBinding::close);
            this.headRows = arena.allocate((long) HEAD_ROWS * config.hiddenSize() * Float.BYTES, 64);
            this.logits = arena.allocate((long) HEAD_ROWS * config.vocabularySize() * Float.BYTES, 64);
            this.loaded = store.add(name, checkpoint, type); // last: layouts can use its layers from here on
        } catch (RuntimeException | Error e) {
            free();
            throw e;
        }
        this.logitsRow = new float[config.vocabularySize()];
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        BlockStore.Lease lease = store.lease(loaded, layout);
        return lease.ready()
                .<Stack>thenApply(ready -> new BlockStack(layout, lease))
                .whenComplete((stack, failure) -> {
                    if (failure != null) {
                        lease.close();
                    }
                });
    }

    @Override
    public StackCost cost(Layout layout) {
        BlockStore.DerivedNeed need = store.need(loaded, layout);
        long kvBytes = KvCache.bytes(KvCache.slotsOf(layout), config.kvHeads(), config.headDim(), 1, 1);
        return new StackCost(need.bytes(), need.residentBytes(), kvBytes);
    }

    @Override
    public KvCache openKv(Layout layout) {
        return new KvCache(pool, KvCache.slotsOf(layout), config.kvHeads(), config.headDim(), config.contextLength());
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return KvCache.peakBytes(
                KvCache.slotsOf(layout), config.kvHeads(), config.headDim(), config.contextLength(), rows);
    }

    @Override
    public void run(List<Chunk> chunks, LogitsSink sink) {
        embed(chunks);
        score(chunks, walk.run(chunks), sink);
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
            for (int position = chunk.from(); position < chunk.end(); position++) {
                MemorySegment target = walk.rows().asSlice(row++ * width * Float.BYTES, width * Float.BYTES);
                embedding.toFloat32(chunk.tokens()[position] * width, target);
            }
        }
    }

    /** A row whose logits are wanted: its chunk, its position in the sequence and its place in the matrix. */
    private record Wanted(int chunk, int position, int row) {}

    private void score(List<Chunk> chunks, MemorySegment last, LogitsSink sink) {
        List<Wanted> wanted = new ArrayList<>();
        int first = 0;
        for (int i = 0; i < chunks.size(); i++) {
            Chunk chunk = chunks.get(i);
            for (int position = Math.max(chunk.from(), chunk.scoredFrom()); position < chunk.end(); position++) {
                wanted.add(new Wanted(i, position, first + position - chunk.from()));
            }
            first += chunk.count();
        }
        for (int at = 0; at < wanted.size(); at += HEAD_ROWS) {
            runHead(wanted.subList(at, Math.min(at + HEAD_ROWS, wanted.size())), last, sink);
        }
    }

    private void runHead(List<Wanted> wanted, MemorySegment last, LogitsSink sink) {
        long width = config.hiddenSize() * (long) Float.BYTES;
        for (int i = 0; i < wanted.size(); i++) {
            MemorySegment.copy(last, wanted.get(i).row() * width, headRows, i * width, width);
        }
        int count = wanted.size();
        headBinding.input(
                "hidden", ElementType.FLOAT, rows(headRows, count, config.hiddenSize()), count, config.hiddenSize());
        headBinding.output(
                "logits",
                ElementType.FLOAT,
                rows(logits, count, config.vocabularySize()),
                count,
                config.vocabularySize());
        headBinding.run();
        for (int i = 0; i < count; i++) {
            long row = (long) i * config.vocabularySize() * Float.BYTES;
            MemorySegment.copy(logits, JAVA_FLOAT, row, logitsRow, 0, logitsRow.length);
            sink.accept(wanted.get(i).chunk(), wanted.get(i).position(), logitsRow);
        }
    }

    private static MemorySegment rows(MemorySegment matrix, int rows, int width) {
        return matrix.asSlice(0, (long) rows * width * Float.BYTES);
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
