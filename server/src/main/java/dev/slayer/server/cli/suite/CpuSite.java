package dev.slayer.server.cli.suite;

import dev.slayer.server.cli.settings.MachineMemory;
import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.HostProbe;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.engine.block.Probe;
import dev.slayer.server.engine.block.WeightType;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The processor, in float32.
 *
 * @param threads that compute
 * @param library of ONNX Runtime; empty for the processor's own
 */
record CpuSite(int threads, Optional<Path> library) implements Site {
    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public Map<String, String> facts() {
        return Map.of("threads", Integer.toString(threads));
    }

    @Override
    public WeightType type() {
        return WeightType.FP32;
    }

    @Override
    public boolean pagesKv() {
        return false;
    }

    @Override
    public String trainingDevice() {
        return "cpu";
    }

    @Override
    public long trainingBytes() {
        return MachineMemory.bytes() / 2;
    }

    @Override
    public Site reference() {
        return this;
    }

    @Override
    public Probe probe() {
        return HostProbe.open(threads);
    }

    @Override
    public Opened open(DerivedBlocks limits) {
        long memory = MachineMemory.bytes();
        return new Opened(
                library.map(file -> CpuDevice.open(file, threads, limits))
                        .orElseGet(() -> CpuDevice.open(threads, limits)),
                MemoryPlan.Place.host(memory),
                OptionalLong.of(memory / 4));
    }
}
