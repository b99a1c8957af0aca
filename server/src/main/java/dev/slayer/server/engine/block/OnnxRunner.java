package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
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

/**
 * A checkpoint on the CPU. All rows of a step lie packed in one matrix [T, hidden]; blocks take them together, attention takes
 * each sequence's rows apart.
 */
final class OnnxRunner implements Runner {
    private static final int HEAD_ROWS = 64; // logits of more rows at once only cost memory

    private final ModelConfig config;
    private final KvPool pool;
    private final Tensor embedding;
    private final BlockTable blocks;
    private final Attention attention;
    private final Binding headBinding;
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private final Arena arena = Arena.ofShared();
    private final MemorySegment hidden;
    private final MemorySegment hiddenNext;
    private final MemorySegment qkv;
    private final MemorySegment attended;
    private final MemorySegment headRows;
    private final MemorySegment logits;
    private final float[] logitsRow;

    /**
     * Compiles every layer's block.
     *
     * @param checkpoint stays open as long as the runner; not closed by it
     * @param maxRows rows of the largest step
     * @throws dev.slayer.surgery.SlayerException if the checkpoint or the runtime fails
     */
    OnnxRunner(OnnxRuntime runtime, Checkpoint checkpoint, WeightType type, KvPool pool, int maxRows) {
        this.config = checkpoint.config();
        this.pool = pool;
        this.embedding = checkpoint.tensor(TensorNames.EMBEDDING);
        this.blocks = BlockTable.ofLayers(runtime, checkpoint, type);
        try (Arena weights = Arena.ofConfined()) {
            Attention newAttention = new Attention(runtime, config);
            closers.push(newAttention::close);
            this.attention = newAttention;
            Session head = runtime.session(new BlockGraphs(checkpoint, new Matrix(type, weights)).head());
            closers.push(head::close);
            this.headBinding = head.bind();
            closers.push(headBinding::close);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        this.hidden = floats((long) maxRows * config.hiddenSize());
        this.hiddenNext = floats((long) maxRows * config.hiddenSize());
        this.qkv = floats((long) maxRows * BlockGraphs.qkvWidth(config));
        this.attended = floats((long) maxRows * config.queryWidth());
        this.headRows = floats((long) HEAD_ROWS * config.hiddenSize());
        this.logits = floats((long) HEAD_ROWS * config.vocabularySize());
        this.logitsRow = new float[config.vocabularySize()];
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public KvCache openKv(Layout layout) {
        return new KvCache(pool, layout.depth(), config.kvHeads(), config.headDim(), config.contextLength());
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return KvCache.peakBytes(layout.depth(), config.kvHeads(), config.headDim(), config.contextLength(), rows);
    }

    @Override
    public void run(Layout layout, List<Chunk> chunks, LogitsSink sink) {
        int rows = embed(chunks);
        MemorySegment in = rows(hidden, rows, config.hiddenSize());
        MemorySegment out = rows(hiddenNext, rows, config.hiddenSize());
        MemorySegment packed = rows(qkv, rows, BlockGraphs.qkvWidth(config));
        MemorySegment attentionRows = rows(attended, rows, config.queryWidth());
        for (int slot = 0; slot < layout.depth(); slot++) {
            Block block = blocks.of(layout.slots().get(slot));
            block.pre(rows, in, packed);
            attend(chunks, slot);
            block.post(rows, attentionRows, in, out);
            MemorySegment swap = in;
            in = out;
            out = swap;
        }
        score(chunks, in, sink);
    }

    /** Looks up each row's embedding; returns the number of rows. */
    private int embed(List<Chunk> chunks) {
        long width = config.hiddenSize();
        int row = 0;
        for (Chunk chunk : chunks) {
            for (int position = chunk.from(); position < chunk.end(); position++) {
                MemorySegment target = hidden.asSlice(row++ * width * Float.BYTES, width * Float.BYTES);
                embedding.toFloat32(chunk.tokens()[position] * width, target);
            }
        }
        return row;
    }

    private void attend(List<Chunk> chunks, int slot) {
        int row = 0;
        for (Chunk chunk : chunks) {
            attention.run(
                    slice(qkv, row, chunk.count(), BlockGraphs.qkvWidth(config)),
                    slice(attended, row, chunk.count(), config.queryWidth()),
                    chunk.from(),
                    chunk.count(),
                    chunk.length(),
                    chunk.kv(),
                    slot);
            row += chunk.count();
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

    private MemorySegment floats(long count) {
        return arena.allocate(count * Float.BYTES, 64);
    }

    private static MemorySegment rows(MemorySegment matrix, int rows, int width) {
        return slice(matrix, 0, rows, width);
    }

    private static MemorySegment slice(MemorySegment matrix, int row, int rows, int width) {
        return matrix.asSlice((long) row * width * Float.BYTES, (long) rows * width * Float.BYTES);
    }

    @Override
    public void close() {
        closers.forEach(Runnable::run); // newest first; each may run again
        blocks.close();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
