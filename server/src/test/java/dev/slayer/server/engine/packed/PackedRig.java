package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.LogitsSink;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.PagedAttentionTwin;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayList;
import java.util.List;

/** Runners on the host's twin of a device, whose graphs are a GPU's but for one operator's domain. */
final class PackedRig implements AutoCloseable {
    static final int MAX_ROWS = 512;

    final HostAccelerator accelerator = new HostAccelerator(1L << 31);
    final PackedDevice device;
    final KvMemory memory;
    private final PagedAttentionTwin twin;
    private final List<Runner> runners = new ArrayList<>();

    PackedRig(PackedOptions options) {
        this(options, 1L << 28);
    }

    PackedRig(PackedOptions options, long kvBytes) {
        OnnxRuntime runtime = OnnxRuntime.open(2);
        this.twin = PagedAttentionTwin.install(runtime, options.kvType());
        this.device = new PackedDevice(runtime, accelerator, options, DerivedBlocks.DEFAULTS);
        this.memory = device.kvMemory(kvBytes);
    }

    /** As a library with all features would be used, but with small pages and few rows in the head, so that their ends are met. */
    static PackedOptions options(int recordAfter) {
        return options(ElementType.FLOAT, recordAfter);
    }

    /** The same with another type of keys and values. */
    static PackedOptions options(ElementType kv, int recordAfter) {
        return new PackedOptions(ElementType.FLOAT, kv, PagedAttentionTwin.DOMAIN, 16, 3, 5, 8, recordAfter);
    }

    Runner runner(String name, Checkpoint checkpoint) {
        return runner(name, checkpoint, WeightType.FP32);
    }

    Runner runner(String name, Checkpoint checkpoint, WeightType type) {
        Runner runner = device.runner(name, checkpoint, type, memory, MAX_ROWS);
        runners.add(runner);
        return runner;
    }

    /** Logits of every position, computed in chunks of so many rows: [tokens, vocabulary]. */
    float[][] logits(Runner runner, Layout layout, int[] ids, int rows) {
        float[][] logits = new float[ids.length][];
        try (Stack stack = runner.prepare(layout).join();
                Kv kv = runner.openKv(layout)) {
            for (int from = 0; from < ids.length; from += rows) {
                int count = Math.min(rows, ids.length - from);
                assertThat(kv.reserve(from + count, from)).isTrue();
                Chunk chunk = new Chunk(ids, ids.length, from, count, Outputs.logitsFrom(0), stack, kv);
                runner.run(List.of(chunk), (LogitsSink) (index, position, row) -> logits[position] = row.clone());
            }
        }
        twin.check();
        return logits;
    }

    /** Logits of several sequences, each through its own layout, in one step: [sequences][tokens, vocabulary]. */
    float[][][] together(Runner runner, List<Layout> layouts, List<int[]> prompts) {
        float[][][] logits = new float[prompts.size()][][];
        List<Chunk> chunks = new ArrayList<>();
        for (int i = 0; i < prompts.size(); i++) {
            int[] ids = prompts.get(i);
            logits[i] = new float[ids.length][];
            Kv kv = runner.openKv(layouts.get(i));
            assertThat(kv.reserve(ids.length, 0)).isTrue();
            Stack stack = runner.prepare(layouts.get(i)).join();
            chunks.add(new Chunk(ids, ids.length, 0, ids.length, Outputs.logitsFrom(0), stack, kv));
        }
        runner.run(chunks, (LogitsSink) (chunk, position, row) -> logits[chunk][position] = row.clone());
        twin.check();
        chunks.forEach(chunk -> {
            chunk.kv().close();
            chunk.stack().close();
        });
        return logits;
    }

    /** What the twin found wrong. */
    void check() {
        twin.check();
    }

    @Override
    public void close() {
        runners.reversed().forEach(Runner::close);
        memory.close();
        device.close();
    }
}
