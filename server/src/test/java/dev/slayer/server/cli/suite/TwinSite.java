package dev.slayer.server.cli.suite;

import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.engine.block.Probe;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.engine.packed.PackedDevice;
import dev.slayer.server.engine.packed.PackedOptions;
import dev.slayer.server.engine.packed.PackedProbe;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.PagedAttentionTwin;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** The host's twin of a GPU, in float32. */
final class TwinSite implements Site {
    private static final long BYTES = 1L << 30;
    private static final long KV_BYTES = 64L << 20;

    private final List<PagedAttentionTwin> twins = new ArrayList<>();

    @Override
    public String name() {
        return "twin";
    }

    @Override
    public Map<String, String> facts() {
        return Map.of("features", "attention_metadata");
    }

    @Override
    public WeightType type() {
        return WeightType.FP32;
    }

    @Override
    public String trainingDevice() {
        return "cpu";
    }

    @Override
    public long trainingBytes() {
        return BYTES;
    }

    @Override
    public boolean pagesKv() {
        return true;
    }

    @Override
    public Site reference() {
        return new CpuSite(2, Optional.empty());
    }

    @Override
    public Probe probe() {
        return new PackedProbe(OnnxRuntime.open(2), new HostAccelerator(BYTES), ElementType.FLOAT);
    }

    @Override
    public Opened open(DerivedBlocks limits) {
        OnnxRuntime runtime = OnnxRuntime.open(2);
        twins.add(PagedAttentionTwin.install(runtime, ElementType.FLOAT));
        PackedOptions options = new PackedOptions(
                ElementType.FLOAT,
                ElementType.FLOAT,
                PagedAttentionTwin.DOMAIN,
                16,
                3,
                256,
                4096,
                64,
                Long.MAX_VALUE,
                16);
        return new Opened(
                new PackedDevice(runtime, new HostAccelerator(BYTES), options, limits),
                new MemoryPlan.Place("twin", true, BYTES, BYTES, Float.BYTES),
                OptionalLong.of(KV_BYTES));
    }

    /** What the twins found wrong. */
    void check() {
        twins.forEach(PagedAttentionTwin::check);
    }
}
