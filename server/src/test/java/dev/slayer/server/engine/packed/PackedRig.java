package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.engine.Runner;
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
    static final int STAGED_ROWS = 256;

    final HostAccelerator accelerator = new HostAccelerator(1L << 31);
    final PackedDevice device;
    final KvMemory memory;
    final PagedAttentionTwin twin;
    private final List<Runner> runners = new ArrayList<>();

    PackedRig(PackedOptions options) {
        this(options, 1L << 28);
    }

    PackedRig(PackedOptions options, long kvBytes) {
        OnnxRuntime runtime = OnnxRuntime.open(2);
        this.twin = PagedAttentionTwin.install(runtime, options.kvType());
        this.device = new PackedDevice(runtime, accelerator, options, DerivedBlocks.DEFAULTS);
        this.memory = device.kvMemory(kvBytes);
        PageShape numbers = new PageShape(1, 256);
        PagePool pool = (PagePool) memory;
        HostAccelerator.spoil(pool.keys(numbers)); // no row that nobody wrote may be read
        HostAccelerator.spoil(pool.values(numbers));
    }

    /** As a library with all features would be used, but with small pages and few rows in the head, so that their ends are met. */
    static PackedOptions options(int recordAfter) {
        return options(ElementType.FLOAT, recordAfter);
    }

    /** The same with another type of keys and values. */
    static PackedOptions options(ElementType kv, int recordAfter) {
        return new PackedOptions(
                ElementType.FLOAT,
                kv,
                PagedAttentionTwin.DOMAIN,
                16,
                3,
                5,
                STAGED_ROWS,
                8,
                Long.MAX_VALUE,
                recordAfter);
    }

    Runner runner(String name, Checkpoint checkpoint) {
        return runner(name, checkpoint, WeightType.FP32);
    }

    Runner runner(String name, Checkpoint checkpoint, WeightType type) {
        Runner runner = device.runner(name, checkpoint, type, memory, MAX_ROWS);
        runners.add(runner);
        return runner;
    }

    /** {@link Logits#of}, which the twin must have found nothing wrong with. */
    float[][] logits(Runner runner, Layout layout, int[] ids, int rows) {
        float[][] logits = Logits.of(runner, layout, ids, rows);
        check();
        return logits;
    }

    /** {@link Logits#together}, likewise. */
    float[][][] together(Runner runner, List<Layout> layouts, List<int[]> prompts) {
        float[][][] logits = Logits.together(runner, layouts, prompts);
        check();
        return logits;
    }

    /** Fails with what the twin found wrong. */
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
