package dev.slayer.server.cli.suite;

import dev.slayer.server.accelerator.CudaAccelerator;
import dev.slayer.server.accelerator.CudaDevice;
import dev.slayer.server.accelerator.CudaLibrary;
import dev.slayer.server.accelerator.runtime.CudaRuntime;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.engine.block.Probe;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.engine.packed.KvPrecision;
import dev.slayer.server.engine.packed.PackedDevice;
import dev.slayer.server.engine.packed.PackedProbe;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** One GPU, in bfloat16. */
final class CudaSite implements Site {
    private final CudaRuntime runtime;
    private final CudaLibrary cuda;
    private final int id;
    private final int threads;
    private final CudaDevice device;
    private final long freeBytes;

    /**
     * Finds and loads the libraries.
     *
     * @param library of ONNX Runtime, if one was named
     * @throws dev.slayer.surgery.SlayerException naming everything that is missing
     */
    CudaSite(Optional<Path> library, int id, int threads) {
        this.runtime = CudaRuntime.find(library, System.getenv(), List.of(id));
        this.cuda = runtime.load();
        this.id = id;
        this.threads = threads;
        try (CudaAccelerator accelerator = cuda.open(id)) {
            this.device = accelerator.device();
            this.freeBytes = accelerator.freeBytes();
        }
    }

    @Override
    public String name() {
        return device.name();
    }

    @Override
    public Map<String, String> facts() {
        Map<String, String> facts = new LinkedHashMap<>();
        facts.put("compute_capability", device.computeCapability());
        facts.put("multiprocessors", Integer.toString(device.multiprocessors()));
        facts.put("onnxruntime", runtime.version().toString());
        facts.put("cuda", runtime.cudaVersion());
        facts.put("driver_cuda", runtime.driver());
        facts.put("features", String.join(" ", runtime.operators().names()));
        return facts;
    }

    @Override
    public WeightType type() {
        return WeightType.BF16;
    }

    @Override
    public boolean pagesKv() {
        return true;
    }

    @Override
    public String trainingDevice() {
        return "cuda:" + id;
    }

    @Override
    public long trainingBytes() {
        return freeBytes;
    }

    @Override
    public Site reference() {
        return new CpuSite(threads, Optional.of(runtime.library()));
    }

    @Override
    public Probe probe() {
        CudaAccelerator accelerator = cuda.open(id);
        try {
            return PackedProbe.cuda(runtime.library(), threads, accelerator);
        } catch (RuntimeException | Error e) {
            accelerator.close();
            throw e;
        }
    }

    @Override
    public Opened open(DerivedBlocks limits) {
        CudaAccelerator accelerator = cuda.open(id);
        try {
            MemoryPlan.Place place = new MemoryPlan.Place(
                    name(),
                    true,
                    accelerator.totalBytes(),
                    accelerator.freeBytes(),
                    type().bits() / Byte.SIZE,
                    PackedDevice.mostKvBytes(runtime.operators(), type(), KvPrecision.AUTO));
            return new Opened(
                    PackedDevice.cuda(
                            runtime.library(),
                            threads,
                            accelerator,
                            runtime.operators(),
                            type(),
                            KvPrecision.AUTO,
                            limits),
                    place,
                    OptionalLong.empty());
        } catch (RuntimeException | Error e) {
            accelerator.close();
            throw e;
        }
    }
}
