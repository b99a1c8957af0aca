package dev.slayer.server.cli;

import dev.slayer.server.api.ApiFolders;
import dev.slayer.server.api.ApiParts;
import dev.slayer.server.api.ApiServer;
import dev.slayer.server.api.ApiSettings;
import dev.slayer.server.api.LoadedCheckpoint;
import dev.slayer.server.api.RuntimeFacts;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.StubRunner;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiFunction;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts checkpoints, engine and API together, and takes them apart in the opposite order. */
final class Server implements Servers {
    private static final Logger LOG = LoggerFactory.getLogger(Server.class);
    private static final Duration AFTER_DRAIN =
            Duration.ofSeconds(1); // the API has drained: the engine is idle by then

    @Override
    public RunningServer start(ServeSettings settings) {
        Parts parts = new Parts();
        try {
            Machine machine = parts.own(Machine.open(settings));
            PrometheusMeterRegistry registry = parts.registry();
            gauges(registry, machine);
            return parts.serve(
                    settings,
                    machine::runner,
                    machine::start,
                    (name, over, delta) -> machine.lend(name, over, delta.layout()),
                    machine.facts(),
                    machine.jobs(),
                    registry);
        } catch (RuntimeException | Error e) {
            parts.close();
            throw e;
        }
    }

    @Override
    public RunningServer startStub(ServeSettings settings) {
        Parts parts = new Parts();
        try {
            KvPool pool = new KvPool(settings.engine().kvBytes());
            return parts.serve(
                    settings,
                    (name, checkpoint) -> stub(checkpoint, pool),
                    (models, meters) -> Engine.start(settings.engine(), pool, models, meters),
                    OpenDeltas.Device.NONE,
                    RuntimeFacts.NONE,
                    settings.jobs(),
                    parts.registry());
        } catch (RuntimeException | Error e) {
            parts.close();
            throw e;
        }
    }

    private static void gauges(MeterRegistry registry, Machine machine) {
        Gauge.builder("slayer_derived_blocks", () -> machine.derivedBlocks().blocks())
                .description("Averaged, merged and trained blocks and heads in memory")
                .register(registry);
        Gauge.builder(
                        "slayer_derived_blocks_memory",
                        () -> machine.derivedBlocks().bytes())
                .description("Memory of averaged, merged and trained blocks and heads")
                .baseUnit("bytes")
                .register(registry);
    }

    /** Says the upper half of the vocabulary over and over: entries of words, not bytes and special tokens. */
    private static Runner stub(Checkpoint checkpoint, KvPool pool) {
        int vocabulary = checkpoint.config().vocabularySize();
        int eos = checkpoint.config().eosTokenIds().stream().findFirst().orElse(0);
        int first = vocabulary / 2;
        return new StubRunner(
                pool,
                vocabulary,
                first,
                vocabulary - first,
                eos,
                checkpoint.config().contextLength());
    }

    /**
     * Opens the store while checkpoints are loaded: on a cold start its classes take half a second.
     */
    private static final class Opening implements AutoCloseable {
        private final CompletableFuture<VariantStore> store;

        Opening(Supplier<VariantStore> open) {
            this.store = CompletableFuture.supplyAsync(
                    open, task -> Thread.ofPlatform().daemon().name("store").start(task));
        }

        /** Waits for it. @throws SlayerException as {@link VariantStore#open} does */
        VariantStore get() {
            try {
                return store.join();
            } catch (CompletionException e) {
                throw e.getCause() instanceof SlayerException refused ? refused : e;
            }
        }

        @Override
        public void close() {
            store.handle((opened, failure) -> Optional.ofNullable(opened)) // a failure has been told by get
                    .join()
                    .ifPresent(VariantStore::close);
        }
    }

    /** What has been opened so far, newest first: what closes the server, or cleans up after a failed start. */
    private static final class Parts {
        private final Deque<AutoCloseable> opened = new ArrayDeque<>();

        <T extends AutoCloseable> T own(T part) {
            opened.push(part);
            return part;
        }

        PrometheusMeterRegistry registry() {
            PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
            opened.push(registry::close);
            ResidentMemory.register(registry);
            return registry;
        }

        RunningServer serve(
                ServeSettings settings,
                BiFunction<String, Checkpoint, Runner> runners,
                BiFunction<List<EngineModel>, MeterRegistry, Engine> start,
                OpenDeltas.Device device,
                RuntimeFacts runtime,
                JobSettings jobs,
                PrometheusMeterRegistry registry) {
            Opening store = own(new Opening(() -> store(settings.folders())));
            OpenCheckpoints checkpoints = own(new OpenCheckpoints(runners));
            List<LoadedCheckpoint> loaded = settings.models().stream()
                    .map(source -> checkpoints.load(source.name(), source.directory()))
                    .toList();
            List<EngineModel> models =
                    loaded.stream().map(LoadedCheckpoint::engineModel).toList();
            OpenDeltas deltas = own(new OpenDeltas(device));
            Engine engine = own(start.apply(models, registry));
            ApiFolders folders = new ApiFolders(
                    settings.folders().checkpoints(),
                    settings.folders().exports(),
                    settings.folders().deltas());
            ApiServer api = own(ApiServer.start(
                    apiSettings(settings.http()),
                    new ApiParts(loaded, checkpoints, deltas, folders, store.get(), engine, registry, jobs, runtime)));
            return new Live(
                    this,
                    api,
                    engine,
                    settings.models().stream().map(ModelSource::name).toList());
        }

        private static VariantStore store(FolderSettings folders) {
            if (folders.data().isEmpty()) {
                return VariantStore.inMemory();
            }
            try {
                return VariantStore.open(folders.data().get());
            } catch (SlayerException e) {
                if (folders.dataRequired() || e.code().equals(VariantStore.DAMAGED)) {
                    throw e;
                }
                LOG.warn("Named variants of this server end with it. {}", e.getMessage());
                return VariantStore.inMemory();
            }
        }

        void close() {
            while (!opened.isEmpty()) {
                AutoCloseable part = opened.pop();
                try {
                    part.close();
                } catch (Exception e) {
                    LOG.error("{} could not be closed", part.getClass().getSimpleName(), e);
                }
            }
        }
    }

    private static ApiSettings apiSettings(HttpSettings http) {
        ApiSettings defaults = ApiSettings.DEFAULTS;
        return new ApiSettings(
                http.host(),
                http.port(),
                http.apiKeys(),
                http.corsOrigins(),
                Math.toIntExact(http.maxBodyBytes()),
                http.maxRequests(),
                defaults.maxSequences(),
                defaults.maxLogprobs(),
                defaults.maxQueuedTokens(),
                defaults.stallTimeout());
    }

    /** The assembled server. */
    private static final class Live implements RunningServer {
        private final Parts parts;
        private final ApiServer api;
        private final Engine engine;
        private final List<String> models;

        Live(Parts parts, ApiServer api, Engine engine, List<String> models) {
            this.parts = parts;
            this.api = api;
            this.engine = engine;
            this.models = models;
        }

        @Override
        public URI url() {
            String host = api.host().contains(":") ? "[" + api.host() + "]" : api.host();
            return URI.create("http://" + host + ":" + api.port());
        }

        @Override
        public List<String> models() {
            return models;
        }

        @Override
        public void drain(Duration deadline) {
            api.drain(deadline).join();
            engine.drain(AFTER_DRAIN).join();
        }

        @Override
        public synchronized void close() {
            parts.close();
        }
    }
}
