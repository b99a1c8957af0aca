package dev.slayer.server.api;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.DeltaInfo;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    private final DeltaOpener opener;
    private final Optional<Path> folder;
    private final Map<String, Entry> entries = new LinkedHashMap<>(); // guarded by this
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("deltas").factory());

    Deltas(Catalog catalog, ModelDirectory models, Checkpoints checkpoints, ApiParts parts) {
        this.catalog = catalog;
        this.opener = new DeltaOpener(models, checkpoints, parts.deltas(), this::loaded);
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
    record Entry(String name, Path folder, State state, Optional<LoadedDelta> loaded, String reason) {
        Entry as(State next) {
            return new Entry(name, folder, next, loaded, reason);
        }
    }

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
        return Optional.ofNullable(entries.get(name)).flatMap(Entry::loaded).map(LoadedDelta::over);
    }

    private synchronized Optional<LoadedDelta> loaded(String name) {
        return Optional.ofNullable(entries.get(name))
                .filter(entry -> entry.state == State.LOADED)
                .flatMap(Entry::loaded);
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
            LoadedDelta loaded = opener.open(name, path);
            boolean lent = false;
            try {
                catalog.lend(loaded.model(), loaded.variant());
                lent = true;
            } finally {
                if (!lent) {
                    loaded.discard();
                }
            }
            entries.remove(name); // a broken one before it
            note(new Entry(name, path, State.LOADED, Optional.of(loaded), ""));
        }
        return name;
    }

    private synchronized void note(Entry entry) {
        entries.put(entry.name, entry);
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
        LoadedDelta loaded;
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
        return loaded.model()
                .residency()
                .end()
                .thenCompose(nobody -> loaded.donor().retire())
                .thenRunAsync(loaded.release(), worker)
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
