package dev.slayer.server.cli;

import dev.slayer.server.accelerator.CudaAccelerator;
import dev.slayer.server.accelerator.CudaLibrary;
import dev.slayer.server.accelerator.runtime.CudaRuntime;
import dev.slayer.server.api.RuntimeFacts;
import dev.slayer.server.cli.settings.DeviceSettings;
import dev.slayer.server.cli.settings.MachineMemory;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.Donor;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Replicas;
import dev.slayer.server.engine.ReplicatedRunner;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.Device;
import dev.slayer.server.engine.block.MemoryDemand;
import dev.slayer.server.engine.block.MemoryPlan;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.engine.packed.KvPrecision;
import dev.slayer.server.engine.packed.PackedDevice;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.training.run.DeviceAccess;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Lock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a server computes on: the processor, or GPUs, each with an engine of its own. Closed after the engine. */
final class Machine implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Machine.class);

    private final ServeSettings settings;
    private final WeightType type;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final List<Place> places = new ArrayList<>();
    private RuntimeFacts facts = RuntimeFacts.NONE;
    private Budgets budgets;
    private EngineSettings engine;
    private JobSettings jobs;

    /** A device and the KV memory of the engine on it. */
    private record Place(Device device, KvMemory kv) {}

    private Machine(ServeSettings settings) {
        this.settings = settings;
        this.type = settings.weightType();
        this.budgets = Budgets.ofHost(settings);
        this.engine = settings.engine();
        this.jobs = settings.jobs();
    }

    /**
     * Divides the memory, says what goes where, and opens what the settings name.
     *
     * @throws dev.slayer.surgery.SlayerException naming everything that is missing for GPUs, or the numbers of what does not fit
     */
    static Machine open(ServeSettings settings) {
        Machine machine = new Machine(settings);
        try {
            if (settings.device().choice().cuda()) {
                machine.openCuda(settings.device());
            } else {
                machine.openCpu();
            }
            return machine;
        } catch (RuntimeException | Error e) {
            machine.close();
            throw e;
        }
    }

    private void openCpu() {
        long kv = settings.engine().kvBytes();
        Optional<TrainingPlace> training = TrainingPlace.find(settings);
        tell(MemoryPlan.of(MemoryPlan.Place.host(MachineMemory.bytes()), demand()));
        training.ifPresent(place -> train(place, DeviceAccess.ALONE));
        Device device = own(CpuDevice.open(settings.threads(), settings.derivedBlocks()));
        places.add(new Place(device, device.kvMemory(kv)));
        facts = RuntimeFacts.cpu(device.runtimeVersion());
    }

    private void openCuda(DeviceSettings wanted) {
        List<Integer> ids = wanted.choice().ids();
        CudaRuntime found = CudaRuntime.find(wanted.library(), System.getenv(), ids);
        KvPrecision kv = wanted.kvPrecision();
        if (kv.quantizes() && !found.operators().byteCache()) {
            throw SlayerException.badRequest(
                    DeviceSettings.KV_DTYPE.option(),
                    "--kv-dtype=" + kv.name().toLowerCase(Locale.ROOT)
                            + " needs ONNX Runtime 1.29 or newer; this is " + found.version() + " from "
                            + found.origin() + ".");
        }
        CudaLibrary cuda = found.load();
        Optional<TrainingPlace> training = TrainingPlace.find(settings); // now: libtorch finds CUDA's libraries loaded
        List<String> names = new ArrayList<>();
        for (int id : ids) {
            CudaAccelerator accelerator = cuda.open(id);
            names.add(accelerator.name());
            Device device;
            try {
                useBudgets(Budgets.ofDevice(settings, id, accelerator.totalBytes()));
                MemoryPlan plan = MemoryPlan.of(
                        new MemoryPlan.Place(
                                accelerator.name(),
                                true,
                                accelerator.totalBytes(),
                                accelerator.freeBytes(),
                                Short.BYTES,
                                PackedDevice.mostKvBytes(found.operators(), type, kv)),
                        demand());
                tell(plan);
                device = PackedDevice.cuda(
                        found.library(),
                        settings.threads(),
                        accelerator,
                        found.operators(),
                        type,
                        kv,
                        new DerivedBlocks(
                                budgets.derived(), settings.derivedBlocks().idle()));
                own(device);
                places.add(new Place(device, device.kvMemory(plan.kvBytes())));
            } catch (RuntimeException | Error e) {
                accelerator.close(); // closing twice is nothing
                throw e;
            }
        }
        training.ifPresent(place -> train(place, new CudaAccess(cuda.shared())));
        facts = new RuntimeFacts(
                names,
                Optional.of(found.version().toString()),
                Optional.of(found.cudaVersion()),
                Optional.of(found.driver()),
                found.operators().names());
    }

    private void train(TrainingPlace place, DeviceAccess access) {
        if (!place.amongEngines()) {
            tell(place.planAlone());
        }
        jobs = place.bounded(access);
    }

    /** Keeps engines from recording while a job's thread calls CUDA. */
    private record CudaAccess(Lock shared) implements DeviceAccess {
        @Override
        public void enter() {
            shared.lock();
        }

        @Override
        public void leave() {
            shared.unlock();
        }
    }

    /** Of several devices the last: they are to be of one kind. */
    private void useBudgets(Budgets found) {
        budgets = found;
        engine = new EngineSettings(
                found.maxSequences(),
                settings.engine().maxQueue(),
                found.maxBatchTokens(),
                settings.engine().kvBytes(),
                found.prefix());
    }

    private MemoryDemand demand() {
        Map<String, ModelConfig> models = new LinkedHashMap<>();
        settings.models().forEach(source -> models.put(source.name(), ModelConfig.read(source.directory())));
        return new MemoryDemand(
                models,
                type,
                engine.maxBatchTokens(),
                settings.device().kvPrecision().quantizes() ? PackedDevice.STAGED_ROWS : 0,
                budgets.derived(),
                budgets.kv(),
                budgets.prefix(),
                budgets.training());
    }

    private static void tell(MemoryPlan plan) {
        plan.lines().forEach(LOG::info);
        plan.warning().ifPresent(LOG::warn);
    }

    /** For /version. */
    RuntimeFacts facts() {
        return facts;
    }

    /** Limits of training, with the device that was found for it and what jobs may take there. */
    JobSettings jobs() {
        return jobs;
    }

    /** What derived blocks take, of all devices. */
    DerivedBlocks.Use derivedBlocks() {
        return places.stream()
                .map(place -> place.device().derivedBlocks())
                .reduce((one, other) -> new DerivedBlocks.Use(
                        one.blocks() + other.blocks(), one.bytes() + other.bytes(), one.maxBytes() + other.maxBytes()))
                .orElseThrow();
    }

    /** A checkpoint on every device. */
    Runner runner(String name, Checkpoint checkpoint) {
        List<Runner> runners = new ArrayList<>();
        try {
            for (Place place : places) {
                runners.add(place.device().runner(name, checkpoint, type, place.kv(), engine.maxBatchTokens()));
            }
        } catch (RuntimeException | Error e) {
            runners.forEach(Runner::close);
            throw e;
        }
        return runners.size() == 1 ? runners.getFirst() : new ReplicatedRunner(runners);
    }

    /** A delta on every device. */
    Donor lend(String name, Checkpoint over, Layout trained) {
        List<Donor> donors = places.stream()
                .map(place -> place.device().lend(name, over, trained, type))
                .toList();
        return () -> CompletableFuture.allOf(donors.stream().map(Donor::retire).toArray(CompletableFuture<?>[]::new));
    }

    /** Starts an engine on every device; the result owns their KV memory. */
    Engine start(List<EngineModel> models, MeterRegistry registry) {
        if (places.size() == 1) {
            return Engine.start(engine, places.getFirst().kv(), models, registry);
        }
        List<Engine> engines = new ArrayList<>();
        for (int i = 0; i < places.size(); i++) {
            int index = i;
            List<EngineModel> own = models.stream()
                    .map(model -> new EngineModel(
                            model.name(),
                            ((ReplicatedRunner) model.runner()).runners().get(index),
                            model.vocabulary()))
                    .toList();
            engines.add(Engine.start(engine, places.get(i).kv(), own, registry, i));
        }
        return Replicas.of(engines, engine.maxSequences());
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    @Override
    public void close() {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (Exception e) {
                LOG.error("A device could not be closed", e);
            }
        }
    }
}
