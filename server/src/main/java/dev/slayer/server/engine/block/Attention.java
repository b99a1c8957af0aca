package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.slayer.server.engine.KvCache;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.RopeTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Attention of one sequence's rows over its cache, for every slot. The engine's thread only. */
final class Attention implements AutoCloseable {
    private final ModelConfig config;
    private final Session session;
    private final Binding binding;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment last = arena.allocate(JAVA_INT);
    private final MemorySegment total = arena.allocate(JAVA_INT);

    /** One table serves every sequence: none is longer than the context. */
    Attention(OnnxRuntime runtime, ModelConfig config) {
        this.config = config;
        this.session = runtime.session(BlockGraphs.attention(config));
        this.binding = session.bind();
        int rows = config.contextLength();
        RopeTable rope = RopeTable.of(config, rows);
        binding.input("cos", ElementType.FLOAT, arena.allocateFrom(JAVA_FLOAT, rope.cos()), rows, rope.pairs());
        binding.input("sin", ElementType.FLOAT, arena.allocateFrom(JAVA_FLOAT, rope.sin()), rows, rope.pairs());
        binding.input("last_position", ElementType.INT32, last, 1);
        binding.input("total", ElementType.INT32, total);
    }

    /**
     * Rotates, appends to the cache and attends.
     *
     * @param qkv [count, qkvWidth]
     * @param attention [count, queryWidth], written
     * @param past rows in the cache before
     */
    void run(MemorySegment qkv, MemorySegment attention, int past, int count, KvCache kv, int slot) {
        int rows = past + count;
        if (rows > kv.capacity()) {
            throw new IllegalStateException("the cache has room for " + kv.capacity() + " rows, not " + rows);
        }
        last.set(JAVA_INT, 0, rows - 1);
        total.set(JAVA_INT, 0, rows);
        bindCache("past_keys", "keys", kv.keys(slot), kv.capacity());
        bindCache("past_values", "values", kv.values(slot), kv.capacity());
        binding.input("qkv", ElementType.FLOAT, qkv, 1, count, config.qkvWidth());
        binding.output("attention", ElementType.FLOAT, attention, 1, count, config.queryWidth());
        binding.run();
    }

    private void bindCache(String past, String present, MemorySegment memory, int capacity) {
        binding.input(past, ElementType.FLOAT, memory, 1, config.kvHeads(), capacity, config.headDim());
        binding.output(present, ElementType.FLOAT, memory, 1, config.kvHeads(), capacity, config.headDim());
    }

    @Override
    public void close() {
        binding.close();
        session.close();
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
