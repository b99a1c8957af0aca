package dev.slayer.server.api;

import dev.slayer.server.jobs.DeltaShelf;
import dev.slayer.server.jobs.TrainableModels;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.recipe.LayerSource;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/** Gives served models to training, and takes what it has made. Thread-safe. */
final class TrainingDesk implements TrainableModels, DeltaShelf {
    private final ModelDirectory models;
    private final Catalog catalog;
    private final Checkpoints checkpoints;
    private final Deltas deltas;
    private final Optional<Path> folder;

    /** @param folder of the deltas that the server serves */
    TrainingDesk(
            ModelDirectory models, Catalog catalog, Checkpoints checkpoints, Deltas deltas, Optional<Path> folder) {
        this.models = models;
        this.catalog = catalog;
        this.checkpoints = checkpoints;
        this.deltas = deltas;
        this.folder = folder;
    }

    @Override
    public Held hold(String name) {
        RequestedModel wanted = RequestedModel.named(name);
        boolean variant = models.resolve(wanted.name()).parent().isPresent();
        ModelUse use = models.use(wanted);
        boolean held = false;
        try {
            ServedModel model = use.model();
            LoadedCheckpoint base = checkpoints.get(model.checkpoint());
            boolean strategy = variant && !wanted.hasEdits();
            Held found = new Held(
                    model.checkpoint(),
                    layout(wanted, variant, model),
                    strategy ? trainable(wanted.name()) : new TreeSet<>(),
                    strategy && catalog.variant(wanted.name()).stored().trainsHead(),
                    base.weights(),
                    models.namespace(model.checkpoint()),
                    sources(base),
                    model.tokenizer(),
                    use::close);
            held = true;
            return found;
        } finally {
            if (!held) {
                use.close();
            }
        }
    }

    /** Edits of a checkpoint as they were written, so that a strategy still tells what it trains; of a variant its whole layout. */
    private static String layout(RequestedModel wanted, boolean variant, ServedModel model) {
        if (!variant) {
            return wanted.hasEdits() ? wanted.edits() : "";
        }
        boolean plain = model.layout().equals(Layout.identity(model.config().layers()));
        return plain ? "" : model.layout().text();
    }

    private SortedSet<Integer> trainable(String variant) {
        return new TreeSet<>(catalog.variant(variant).stored().trainable());
    }

    private LayerSource sources(LoadedCheckpoint base) {
        return name -> name.isEmpty()
                ? base.weights()
                : deltas.weights(name).orElseGet(() -> checkpoints.get(name).weights());
    }

    @Override
    public void requireOpen() {
        shelf();
    }

    private Path shelf() {
        return folder.orElseThrow(() -> new SlayerException(
                403,
                "training_not_allowed",
                null,
                "This server has no folder for what training makes; start it with --deltas DIR.",
                null));
    }

    @Override
    public void publish(Path delta, String name) {
        Path target = shelf().resolve(name);
        try {
            if (!Files.exists(target)) {
                Files.createDirectories(target.getParent());
                move(delta, target);
            }
        } catch (IOException e) {
            throw SlayerException.internal("the delta " + delta + " cannot be moved to " + target + ": " + e, e);
        }
        boolean served = deltas.all().stream()
                .anyMatch(entry -> entry.name().equals(name) && entry.state() == Deltas.State.LOADED);
        if (!served) {
            deltas.register(target);
        }
    }

    /** In one step, also to another disk. */
    private static void move(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
        } catch (AtomicMoveNotSupportedException anotherDisk) {
            Path part = to.resolveSibling("." + to.getFileName() + ".part");
            delete(part);
            Files.createDirectory(part);
            for (Path file : content(from)) {
                Files.copy(file, part.resolve(file.getFileName()));
            }
            Files.move(part, to, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Whether there is a delta of that name, served or not. */
    boolean has(String name) {
        return Files.exists(shelf().resolve(name));
    }

    /** Removes a delta that is not served any more. */
    void remove(String name) {
        Path target = shelf().resolve(name);
        try {
            delete(target);
        } catch (IOException e) {
            throw SlayerException.internal("the delta " + target + " cannot be removed: " + e, e);
        }
    }

    private static void delete(Path delta) throws IOException {
        if (Files.exists(delta)) {
            for (Path file : content(delta)) {
                Files.delete(file);
            }
            Files.delete(delta);
        }
    }

    private static List<Path> content(Path delta) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(delta)) {
            List<Path> found = new ArrayList<>();
            files.forEach(found::add);
            return found;
        }
    }
}
