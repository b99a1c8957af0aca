package dev.slayer.server.api;

import dev.slayer.server.engine.Donor;
import dev.slayer.server.store.StoredVariant;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointException;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.delta.DeltaInfo;
import dev.slayer.surgery.layout.Layout;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads and unloads deltas while their bases are served. One that cannot be loaded at the start is remembered with the reason. Opening
 * reads headers only and happens on a thread of its own, one after the other.
 */
final class Deltas implements DeltaRegistry, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Deltas.class);
    private static final Pattern NAME = Pattern.compile("[A-Za-z][A-Za-z0-9._-]{0,127}");
    private static final int CLOSE_SECONDS = 5;

    private final Catalog catalog;
    private final ModelDirectory models;
    private final Checkpoints checkpoints;
    private final DeltaLender lender;
    private final Optional<Path> folder;
    private final Map<String, Entry> entries = new LinkedHashMap<>(); // guarded by this
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("deltas").factory());

    Deltas(Catalog catalog, ModelDirectory models, Checkpoints checkpoints, ApiParts parts) {
        this.catalog = catalog;
        this.models = models;
        this.checkpoints = checkpoints;
        this.lender = parts.deltas();
        this.folder = parts.folders().deltas();
    }

    /** Where a delta stands. */
    enum State {
        LOADED,
        UNLOADING,
        BROKEN
    }

    /**
     * A delta that is there, or should be.
     *
     * @param loaded empty if it is broken
     * @param reason why it cannot be loaded; empty unless it is broken
     */
    record Entry(String name, Path folder, State state, Optional<Loaded> loaded, String reason) {
        Entry as(State next) {
            return new Entry(name, folder, next, loaded, reason);
        }
    }

    /**
     * A delta that is loaded.
     *
     * @param over the delta over its base
     * @param served the layout that runs it
     * @param release lets go of what it uses, when it has been given back
     */
    record Loaded(ServedDelta model, Delta delta, Checkpoint over, Layout served, Donor donor, Runnable release) {}

    /** All, in the order in which they came. */
    synchronized List<Entry> all() {
        return List.copyOf(entries.values());
    }

    /** @throws SlayerException 404 listing those there are */
    synchronized Entry get(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new SlayerException(
                    404,
                    "delta_not_found",
                    "name",
                    "There is no delta '" + Excerpt.of(name) + "'; there are "
                            + (entries.isEmpty() ? "none" : ModelNames.list(entries.keySet())) + ".",
                    null);
        }
        return entry;
    }

    /** Weights of a delta over its base, if there is one of that name that is loaded or being unloaded. */
    synchronized Optional<Checkpoint> weights(String name) {
        return Optional.ofNullable(entries.get(name)).flatMap(Entry::loaded).map(Loaded::over);
    }

    /**
     * Loads every delta in the folder. Some may name others in their layouts, so those that fail are tried again as long as others
     * come. One that cannot be loaded is listed with the reason, and the server starts.
     */
    void loadAll() {
        List<Path> left = folder.filter(Files::isDirectory).map(Deltas::folders).orElse(List.of());
        boolean progress = true;
        while (progress && !left.isEmpty()) {
            List<Path> failed = new ArrayList<>();
            for (Path one : left) {
                try {
                    register(one);
                } catch (SlayerException e) {
                    failed.add(one);
                    note(broken(one, e));
                }
            }
            progress = failed.size() < left.size();
            left = failed;
        }
        all().stream()
                .filter(entry -> entry.state == State.BROKEN)
                .forEach(entry -> LOG.warn("The delta {} is not served. {}", entry.folder, entry.reason));
    }

    private static List<Path> folders(Path parent) {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> content =
                Files.newDirectoryStream(parent, one -> Files.isRegularFile(one.resolve(DeltaInfo.FILE)))) {
            content.forEach(found::add);
        } catch (IOException e) {
            LOG.warn("The folder of deltas {} cannot be read", parent, e);
        }
        found.removeIf(one -> name(one).startsWith(".")); // still being written, or left by a crash
        found.sort(null);
        return found;
    }

    private static Entry broken(Path folder, SlayerException why) {
        return new Entry(name(folder), folder, State.BROKEN, Optional.empty(), why.getMessage());
    }

    private static String name(Path folder) {
        return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    }

    /**
     * Loads a delta from the folder of deltas.
     *
     * @param name plain name of its folder
     * @return fails with a SlayerException: 403 if there is no folder of deltas, 404 if there is no such delta, and as {@link
     *     #register} does
     */
    CompletableFuture<Entry> load(String name) {
        return CompletableFuture.supplyAsync(() -> get(register(below(name))), worker);
    }

    private Path below(String name) {
        Path parent = folder.orElseThrow(() -> new SlayerException(
                403,
                "deltas_not_allowed",
                null,
                "This server loads no deltas on request; start it with --deltas DIR to allow those in DIR.",
                null));
        Path found = parent.resolve(checked(name));
        if (!Files.isDirectory(found)) {
            throw new SlayerException(
                    404,
                    "delta_not_found",
                    "name",
                    "There is no folder '" + Excerpt.of(name) + "' in the folder of deltas.",
                    null);
        }
        return found;
    }

    private static String checked(String name) {
        if (!NAME.matcher(name).matches()) {
            throw SlayerException.badRequest(
                    "name",
                    "name='" + Excerpt.of(name) + "' cannot be a delta's folder; allowed: 1 to 128 letters, digits and"
                            + " . _ - beginning with a letter, for layouts call the delta so.");
        }
        return name;
    }

    @Override
    public String register(Path path) {
        String name = checked(name(path));
        synchronized (this) {
            Entry entry = entries.get(name);
            if (entry != null && entry.state != State.BROKEN) {
                throw new SlayerException(
                        409,
                        "name_taken",
                        "name",
                        entry.state == State.LOADED
                                ? "A delta '" + name + "' is loaded; unload it first."
                                : "'" + name + "' is being unloaded: requests still use it. Try again later.",
                        null);
            }
            Loaded loaded = open(name, path);
            entries.remove(name); // a broken one before it
            note(new Entry(name, path, State.LOADED, Optional.of(loaded), ""));
        }
        return name;
    }

    private synchronized void note(Entry entry) {
        entries.put(entry.name, entry);
    }

    private Loaded open(String name, Path path) {
        DeltaInfo info = DeltaInfo.read(path);
        LoadedCheckpoint base = base(info, path);
        Deque<Runnable> undo = new ArrayDeque<>();
        boolean done = false;
        try {
            hold(base.model().residency(), base.model().name(), undo);
            Delta delta = Delta.open(
                    path, base.weights().config(), models.namespace(base.model().name()));
            undo.push(delta::close);
            Checkpoint over = delta.over(sources(base, delta.layout(), undo)::get);
            Layout served = delta.served(name);
            Donor donor = lender.lend(name, delta, over);
            undo.pop(); // the lender closes it
            undo.push(() -> donor.retire().join());
            ServedDelta model =
                    new ServedDelta(name, base.model().name(), delta.config(), delta.layout(), new Residency());
            catalog.lend(model, variant(model, served, delta));
            undo.pop();
            done = true;
            return new Loaded(model, delta, over, served, donor, () -> run(undo));
        } finally {
            if (!done) {
                run(undo);
            }
        }
    }

    private static void run(Deque<Runnable> undo) {
        while (!undo.isEmpty()) {
            undo.pop().run();
        }
    }

    private static StoredVariant variant(ServedDelta model, Layout served, Delta delta) {
        return new StoredVariant(
                model.name(),
                model.base(),
                model.base(),
                served.text(),
                List.copyOf(delta.info().slots()),
                delta.trains(model.config().tiedEmbeddings() ? TensorNames.EMBEDDING : TensorNames.HEAD),
                delta.info().provenance().created());
    }

    /** The checkpoint that a delta was trained on: the hash decides, its name only among equals. */
    private LoadedCheckpoint base(DeltaInfo info, Path path) {
        String wanted = info.provenance().baseHash();
        String called = info.provenance().baseName();
        SequencedMap<String, String> hashes = new LinkedHashMap<>();
        LoadedCheckpoint found = null;
        for (LoadedCheckpoint loaded : checkpoints.loaded()) {
            String name = loaded.model().name();
            String hash = hash(loaded.weights());
            hashes.put(name, hash);
            if (hash.equals(wanted) && (found == null || name.equals(called))) {
                found = loaded;
            }
        }
        if (found == null) {
            throw new SlayerException(
                    409,
                    Delta.BASE_MISMATCH,
                    "name",
                    "The delta " + path + " was trained on '" + Excerpt.of(called) + "' with hash "
                            + Excerpt.of(wanted) + ", and no such checkpoint is loaded; there are "
                            + ModelNames.list(hashes.entrySet().stream()
                                    .map(one -> "'" + one.getKey() + "' with hash " + one.getValue())
                                    .toList())
                            + ".",
                    null);
        }
        return found;
    }

    /** One whose files have gone since is the base of nothing. */
    private static String hash(Checkpoint checkpoint) {
        try {
            return CheckpointHash.of(checkpoint);
        } catch (CheckpointException e) {
            LOG.warn("A loaded checkpoint cannot be told from others", e);
            return "unknown";
        }
    }

    /** The base under the empty name and whatever the trained layout names, all held until the delta is released. */
    private Map<String, Checkpoint> sources(LoadedCheckpoint base, Layout layout, Deque<Runnable> undo) {
        Map<String, Checkpoint> sources = new HashMap<>();
        sources.put("", base.weights());
        for (String other : layout.checkpoints()) {
            Optional<Entry> delta = Optional.ofNullable(entries.get(other)).filter(one -> one.state == State.LOADED);
            if (delta.isPresent()) {
                Loaded loaded = delta.get().loaded.orElseThrow();
                hold(loaded.model.residency(), other, undo);
                sources.put(other, loaded.over);
            } else {
                LoadedCheckpoint loaded = checkpoints.get(other);
                hold(loaded.model().residency(), other, undo);
                sources.put(other, loaded.weights());
            }
        }
        return sources;
    }

    private static void hold(Residency residency, String name, Deque<Runnable> undo) {
        if (!residency.enter()) {
            throw new SlayerException(
                    409, "checkpoint_in_use", "name", "'" + name + "' is being unloaded; load it again.", null);
        }
        undo.addLast(residency::leave);
    }

    @Override
    public void unregister(String name) {
        var _ = unload(name);
    }

    /**
     * Unloads a delta: nobody can name it from now on; completes when the last request that uses it has ended. A broken one is only
     * forgotten.
     *
     * @throws SlayerException 404 or 409 as {@link Catalog#recall} says
     */
    CompletableFuture<Void> unload(String name) {
        Loaded loaded;
        synchronized (this) {
            Entry entry = get(name);
            if (entry.state == State.BROKEN) {
                entries.remove(name);
                return CompletableFuture.completedFuture(null);
            }
            catalog.recall(name);
            entries.put(name, entry.as(State.UNLOADING));
            loaded = entry.loaded.orElseThrow();
        }
        return loaded.model
                .residency()
                .end()
                .thenCompose(nobody -> loaded.donor.retire())
                .thenRunAsync(loaded.release, worker)
                .whenComplete((done, failure) -> forget(name));
    }

    private synchronized void forget(String name) {
        entries.remove(name);
    }

    /** Waits some seconds for what is under way. The deltas themselves are closed by who lends them. */
    @Override
    public void close() {
        worker.shutdown();
        try {
            if (!worker.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("Loading or unloading a delta did not end in {} s", CLOSE_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
