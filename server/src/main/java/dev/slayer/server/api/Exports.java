package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.export.CheckpointExport;
import dev.slayer.surgery.export.MergeRecipe;
import dev.slayer.surgery.recipe.LayerSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes variants as checkpoints into the export folder: one at a time, on a thread of its own, and to the end even if whoever asked
 * has gone. Thread-safe.
 */
final class Exports implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Exports.class);

    /** An export that is cut off takes its unfinished folder away. */
    private static final int CLOSE_SECONDS = 5;

    private static final String VERSION = "Slayer "
            + Optional.ofNullable(Exports.class.getPackage().getImplementationVersion())
                    .orElse("development");

    private static final int REMEMBERED = 100;

    private final Optional<Path> folder;
    private final ModelDirectory models;
    private final Checkpoints checkpoints;
    private final Deltas deltas;
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("export").factory());
    private final Map<String, Export> last = new LinkedHashMap<>(); // by variant; guarded by this
    private boolean busy; // guarded by this

    Exports(ModelDirectory models, Checkpoints checkpoints, Deltas deltas, Optional<Path> folder) {
        this.models = models;
        this.checkpoints = checkpoints;
        this.deltas = deltas;
        this.folder = folder;
    }

    /** Where an export stands. */
    enum State {
        RUNNING,
        DONE,
        FAILED
    }

    /**
     * An export of a variant.
     *
     * @param done bytes of tensors written
     * @param of bytes of tensors there will be; 0 until that is known
     * @param files weight files; 0 until it is done
     * @param error why it failed; empty unless it did
     */
    record Export(String variant, Path folder, State state, long done, long of, int files, String error) {}

    /** The last export of a variant. @throws SlayerException 404 if there was none since the server started */
    synchronized Export last(String variant) {
        Export export = last.get(variant);
        if (export == null) {
            throw new SlayerException(
                    404,
                    "export_not_found",
                    "name",
                    "'" + Excerpt.of(variant) + "' was not exported since the server started.",
                    null);
        }
        return export;
    }

    /**
     * Begins an export.
     *
     * @return completes when everything is written, or fails with a SlayerException
     * @throws SlayerException 403 if there is no export folder, 409 if an export is running or the target is there
     */
    CompletableFuture<Export> start(Variant variant, ExportRequest request) {
        Path target = target(request.folder());
        ModelUse use = models.use(RequestedModel.named(variant.name()));
        boolean started = false;
        try {
            begin(new Export(variant.name(), target, State.RUNNING, 0, 0, 0, ""));
            started = true;
        } finally {
            if (!started) {
                use.close();
            }
        }
        return CompletableFuture.supplyAsync(() -> write(use, variant.name(), target, request), worker);
    }

    private Path target(String name) {
        Path parent = folder.orElseThrow(() -> new SlayerException(
                403,
                "export_not_allowed",
                null,
                "This server exports nothing; start it with --export-folder DIR to have exports written into DIR.",
                null));
        Path target = parent.resolve(name);
        if (Files.exists(target)) {
            throw new SlayerException(
                    409,
                    "export_exists",
                    "name",
                    target + " is there already and is not overwritten; give another name.",
                    null);
        }
        return target;
    }

    private synchronized void begin(Export export) {
        if (busy) {
            throw new SlayerException(
                    409, "export_running", null, "Another export is running; there is one at a time.", null);
        }
        busy = true;
        last.remove(export.variant());
        last.put(export.variant(), export);
        if (last.size() > REMEMBERED) {
            last.remove(last.keySet().iterator().next());
        }
    }

    private Export write(ModelUse use, String variant, Path target, ExportRequest request) {
        try (use) {
            Files.createDirectories(target.getParent());
            ServedModel model = use.model();
            long shard = request.shardBytes() == 0 ? CheckpointExport.DEFAULT_SHARD_BYTES : request.shardBytes();
            CheckpointExport.Written written = new CheckpointExport(target, shard, model.checkpoint(), VERSION)
                    .write(
                            checkpoints.get(model.checkpoint()).weights(),
                            model.layout(),
                            sources(model),
                            (done, of) -> note(new Export(variant, target, State.RUNNING, done, of, 0, "")));
            return end(new Export(variant, target, State.DONE, written.bytes(), written.bytes(), written.files(), ""));
        } catch (IOException e) {
            SlayerException failure = SlayerException.internal(target.getParent() + " cannot be made: " + e + ".", e);
            end(new Export(variant, target, State.FAILED, 0, 0, 0, failure.getMessage()));
            throw failure;
        } catch (RuntimeException e) {
            end(new Export(variant, target, State.FAILED, 0, 0, 0, String.valueOf(e.getMessage())));
            throw e;
        }
    }

    private synchronized void note(Export export) {
        last.put(export.variant(), export);
    }

    private synchronized Export end(Export export) {
        busy = false;
        note(export);
        return export;
    }

    private LayerSource sources(ServedModel model) {
        return name -> name.isEmpty()
                ? checkpoints.get(model.checkpoint()).weights()
                : deltas.weights(name).orElseGet(() -> checkpoints.get(name).weights());
    }

    /**
     * The variant as a slice list of mergekit.
     *
     * @throws SlayerException 422 if there is none for its layout
     */
    String mergeRecipe(Variant variant) {
        try (ModelUse use = models.use(RequestedModel.named(variant.name()))) {
            LayerSource sources = sources(use.model());
            requireNoDelta(use.model());
            MergeRecipe recipe = MergeRecipe.of(
                    use.model().layout(),
                    name -> sources.checkpoint(name).directory().toString(),
                    sources.checkpoint("").tensor("model.embed_tokens.weight").dtype());
            return recipe.json()
                    .orElseThrow(() -> new SlayerException(422, "no_slice_list", "name", recipe.reason() + ".", null))
                    .toPrettyString();
        }
    }

    private void requireNoDelta(ServedModel model) {
        for (String name : model.layout().checkpoints()) {
            if (deltas.weights(name).isPresent()) {
                throw new SlayerException(
                        422,
                        "no_slice_list",
                        "name",
                        "No slice list says this layout: it takes of the delta '" + name
                                + "', which only Slayer reads; export it as a checkpoint.",
                        null);
            }
        }
    }

    /** Waits some seconds for what is under way. */
    @Override
    public void close() {
        worker.shutdownNow();
        try {
            if (!worker.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("An export did not end in {} s", CLOSE_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
