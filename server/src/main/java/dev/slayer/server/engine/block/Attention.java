package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.slayer.server.engine.KvCache;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Attention of one sequence's rows over its cache, for every slot. The engine's thread only. */
final class Attention implements AutoCloseable {
    private final ModelConfig config;
    private final Session session;
    private final Binding binding;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment last = arena.allocate(JAVA_INT);
    private final MemorySegment total = arena.allocate(JAVA_INT);
    private final Rope rope;
    private Arena longArena;
    private Rope longRope;
    /** The length whose table is bound. */
    private Optional<Integer> bound = Optional.empty();

    /** Cos and sin [rows, headDim / 2] in native memory. */
    private record Rope(int rows, int sequenceLength, MemorySegment cos, MemorySegment sin) {}

    Attention(OnnxRuntime runtime, ModelConfig config) {
        this.config = config;
        this.session = runtime.session(BlockGraphs.attention(config));
        this.binding = session.bind();
        int unstretched = config.rope().scaling() instanceof RopeConfig.Scaling.Dynamic dynamic
                ? Math.min(dynamic.originalContextLength(), config.contextLength())
                : config.contextLength();
        this.rope = rope(arena, config.contextLength(), unstretched);
        bindCounters();
    }

    /**
     * Rotates, appends to the cache and attends.
     *
     * @param qkv [count, qkvWidth]
     * @param attention [count, queryWidth], written
     * @param past rows in the cache before
     * @param sequenceLength tokens known of the sequence
     */
    void run(
            MemorySegment qkv, MemorySegment attention, int past, int count, int sequenceLength, KvCache kv, int slot) {
        int rows = past + count;
        if (rows > kv.capacity()) {
            throw new IllegalStateException("the cache has room for " + kv.capacity() + " rows, not " + rows);
        }
        last.set(JAVA_INT, 0, rows - 1);
        total.set(JAVA_INT, 0, rows);
        bindRope(table(sequenceLength)); // first: a change of tables unbinds everything
        bindCache("past_keys", "keys", kv.keys(slot), kv.capacity());
        bindCache("past_values", "values", kv.values(slot), kv.capacity());
        binding.input("qkv", ElementType.FLOAT, qkv, 1, count, config.qkvWidth());
        binding.output("attention", ElementType.FLOAT, attention, 1, count, config.queryWidth());
        binding.run();
    }

    /** Their memory stays the same; a run reads what was last written there. */
    private void bindCounters() {
        binding.input("last_position", ElementType.INT32, last, 1);
        binding.input("total", ElementType.INT32, total);
    }

    private void bindRope(Rope table) {
        if (!bound.equals(Optional.of(table.sequenceLength()))) {
            binding.input("cos", ElementType.FLOAT, table.cos(), table.rows(), config.headDim() / 2);
            binding.input("sin", ElementType.FLOAT, table.sin(), table.rows(), config.headDim() / 2);
            bound = Optional.of(table.sequenceLength());
        }
    }

    private void bindCache(String past, String present, MemorySegment memory, int capacity) {
        binding.input(past, ElementType.FLOAT, memory, 1, config.kvHeads(), capacity, config.headDim());
        binding.output(present, ElementType.FLOAT, memory, 1, config.kvHeads(), capacity, config.headDim());
    }

    /** One table serves all, except where frequencies depend on the length: there the last one used is kept. */
    private Rope table(int sequenceLength) {
        if (!(config.rope().scaling() instanceof RopeConfig.Scaling.Dynamic dynamic)
                || sequenceLength <= dynamic.originalContextLength()) {
            return rope;
        }
        if (longRope == null || longRope.sequenceLength() != sequenceLength) {
            closeLong();
            longArena = Arena.ofShared();
            longRope = rope(longArena, sequenceLength, sequenceLength);
        }
        return longRope;
    }

    private Rope rope(Arena memory, int rows, int sequenceLength) {
        RopeTable table = RopeTable.of(config, rows, sequenceLength);
        return new Rope(
                rows,
                sequenceLength,
                memory.allocateFrom(JAVA_FLOAT, table.cos()),
                memory.allocateFrom(JAVA_FLOAT, table.sin()));
    }

    private void closeLong() {
        if (longArena != null) {
            binding.clear();
            bindCounters();
            bound = Optional.empty();
            longArena.close();
            longArena = null;
            longRope = null;
        }
    }

    @Override
    public void close() {
        closeLong();
        binding.close();
        session.close();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
