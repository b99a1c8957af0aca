package dev.slayer.server.api;

import dev.slayer.server.engine.Engine;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads and unloads checkpoints while others are served. Loading happens on a thread of its own, one after the other; the name is
 * taken from the moment of asking until the checkpoint has been unloaded.
 */
final class Checkpoints implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

    /** The device must not be closed under a checkpoint that is being compiled. */
    private static final int CLOSE_SECONDS = 10;

    private final Catalog catalog;
    private final CheckpointLoader loader;
    private final AllowedFolders folders;
    private final Engine engine;
    private final Map<String, Entry> entries = new LinkedHashMap<>(); // guarded by this
    private final ExecutorService worker = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("checkpoints").factory());

    Checkpoints(Catalog catalog, ApiParts parts) {
        this.catalog = catalog;
        this.loader = parts.loader();
        this.folders = new AllowedFolders(parts.folders().checkpoints());
        this.engine = parts.engine();
        parts.checkpoints().forEach(loaded -> entries.put(loaded.model().name(), new Entry(State.LOADED, loaded)));
    }

    /** Where a checkpoint stands. */
    enum State {
        LOADING,
        LOADED,
        UNLOADING
    }

    /** @param loaded null while it is loading */
    private record Entry(State state, LoadedCheckpoint loaded) {}

    /** All that are loaded, the default first. */
    synchronized List<LoadedCheckpoint> loaded() {
        return entries.values().stream()
                .filter(entry -> entry.state == State.LOADED)
                .map(Entry::loaded)
                .toList();
    }

    /** One that is loaded or being unloaded. @throws SlayerException 400 if there is none of that name */
    synchronized LoadedCheckpoint get(String name) {
        Entry entry = entries.get(name);
        if (entry == null || entry.loaded == null) {
            throw SlayerException.badRequest("layout", "There is no checkpoint '" + Excerpt.of(name) + "'.");
        }
        return entry.loaded;
    }

    /**
     * Loads a checkpoint; completes when it answers requests.
     *
     * @param path absolute, or relative to an allowed folder
     * @return fails with a SlayerException: 400, 403 or 404 for name and path, 409 if the name is taken, whatever the files are
     *     refused with
     */
    CompletableFuture<LoadedCheckpoint> load(String name, String path) {
        return CompletableFuture.supplyAsync(() -> loadNow(ModelNames.checked(name), path), worker);
    }

    private LoadedCheckpoint loadNow(String name, String path) {
        Path directory = folders.directory(path);
        reserve(name);
        boolean done = false;
        try {
            catalog.requireFree(name);
            LoadedCheckpoint loaded = loader.load(name, directory);
            boolean published = false;
            try {
                engine.load(loaded.engineModel());
                publish(loaded);
                published = true;
            } finally {
                if (!published) {
                    loaded.resources().close();
                }
            }
            done = true;
            return loaded;
        } finally {
            if (!done) {
                forget(name);
            }
        }
    }

    private void publish(LoadedCheckpoint loaded) {
        String name = loaded.model().name();
        try {
            synchronized (this) {
                entries.put(name, new Entry(State.LOADED, loaded));
            }
            catalog.add(loaded.model());
        } catch (RuntimeException e) {
            engine.unload(name).join();
            throw e;
        }
    }

    /**
     * Unloads a checkpoint: nobody can name it from now on; completes when the last request that uses it has ended and its memory
     * is free.
     *
     * @throws SlayerException 404 or 409 as {@link Catalog#remove} says
     */
    CompletableFuture<Void> unload(String name) {
        ServedModel model = catalog.remove(name);
        LoadedCheckpoint loaded;
        synchronized (this) {
            loaded = entries.get(name).loaded;
            entries.put(name, new Entry(State.UNLOADING, loaded));
        }
        return model.residency()
                .end()
                .thenCompose(nobody -> engine.unload(name))
                .thenRunAsync(loaded.resources()::close, worker)
                .whenComplete((done, failure) -> forget(name));
    }

    private synchronized void reserve(String name) {
        Entry entry = entries.get(name);
        if (entry != null) {
            throw new SlayerException(
                    409,
                    "name_taken",
                    "name",
                    switch (entry.state) {
                        case LOADING -> "'" + name + "' is being loaded.";
                        case LOADED -> "'" + name + "' is loaded; unload it first or choose another name.";
                        case UNLOADING -> "'" + name + "' is being unloaded: requests still use it. Try again later.";
                    },
                    null);
        }
        entries.put(name, new Entry(State.LOADING, null));
    }

    private synchronized void forget(String name) {
        entries.remove(name);
    }

    /** Waits some seconds for what is under way. */
    @Override
    public void close() {
        worker.shutdown();
        try {
            if (!worker.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("Loading or unloading a checkpoint did not end in {} s", CLOSE_SECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
