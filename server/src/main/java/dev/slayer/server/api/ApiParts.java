package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.server.jobs.JobSettings;
import dev.slayer.server.store.VariantStore;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.List;
import java.util.Objects;

/**
 * What a server serves and with what. All of it belongs to the caller, who closes it after the server, except that a checkpoint which
 * a client unloads is closed then.
 *
 * @param checkpoints that are loaded already and known to the engine; the first is the default model
 * @param loader opens more of them
 * @param deltas puts deltas on the device
 * @param folders that clients may name something in
 * @param store keeps variants
 * @param engine runs sequences
 * @param registry where the server's metrics go
 * @param jobs limits of training
 * @param runtime what computes
 */
public record ApiParts(
        List<LoadedCheckpoint> checkpoints,
        CheckpointLoader loader,
        DeltaLender deltas,
        ApiFolders folders,
        VariantStore store,
        Engine engine,
        PrometheusMeterRegistry registry,
        JobSettings jobs,
        RuntimeFacts runtime) {
    public ApiParts {
        checkpoints = List.copyOf(checkpoints);
        Objects.requireNonNull(loader);
        Objects.requireNonNull(deltas);
        Objects.requireNonNull(folders);
        Objects.requireNonNull(store);
        Objects.requireNonNull(engine);
        Objects.requireNonNull(registry);
        Objects.requireNonNull(jobs);
        Objects.requireNonNull(runtime);
    }

    /** With the default limits of training, on no device. */
    public ApiParts(
            List<LoadedCheckpoint> checkpoints,
            CheckpointLoader loader,
            DeltaLender deltas,
            ApiFolders folders,
            VariantStore store,
            Engine engine,
            PrometheusMeterRegistry registry) {
        this(checkpoints, loader, deltas, folders, store, engine, registry, JobSettings.DEFAULTS, RuntimeFacts.NONE);
    }

    /** Models by their names. @throws dev.slayer.surgery.SlayerException 400 if two share one */
    ModelDirectory directory() {
        return ModelDirectory.of(
                checkpoints.stream().map(LoadedCheckpoint::model).toList());
    }
}
