package dev.slayer.server.engine.block;

import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The blocks, heads and embeddings of all checkpoints on a device: made once, shared, counted. A checkpoint's own are there from {@link
 * #add} to {@link #retire}; derived ones, and those of deltas, come when a layout asks for them and go when they have been idle for
 * long or their memory is wanted. Thread-safe; {@link #add} and {@link #close} take their time, nothing else waits.
 */
public final class BlockStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BlockStore.class);

    private final PartCompiler compiler;
    private final PartMaker maker;
    private final DerivedBlocks limits;
    private final Map<PartKey, PartEntry> entries = new HashMap<>();
    private final LoadedCheckpoints checkpoints = new LoadedCheckpoints();
    private final Map<Long, CompletableFuture<Void>> retiring = new HashMap<>();
    /** Makes and frees parts one after the other; a block's two halves are made side by side. */
    private final ScheduledExecutorService worker;

    private final AtomicLong lastId = new AtomicLong();
    private long derivedBytes;

    public BlockStore(PartCompiler compiler, DerivedBlocks limits) {
        this.compiler = compiler;
        this.maker = new PartMaker(compiler, this::checkpoint);
        this.limits = limits;
        this.worker = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("blocks").factory());
        long period = Math.clamp(limits.idle().toMillis() / 2, 10, 30_000);
        var _ = worker.scheduleWithFixedDelay(this::dropIdle, period, period, TimeUnit.MILLISECONDS);
    }

    /**
     * Compiles every layer of a checkpoint on all cores, and its head; layouts can use them from then on.
     *
     * @throws SlayerException if one fails; nothing is left behind then
     */
    public LoadedCheckpoint add(String name, Checkpoint checkpoint, WeightType type) {
        LoadedCheckpoint added =
                new LoadedCheckpoint(lastId.incrementAndGet(), name, checkpoint, type, Optional.empty());
        List<PartEntry> own = PartMaker.all(added, compiler);
        synchronized (this) {
            own.forEach(entry -> entries.put(entry.key, entry));
            checkpoints.add(added);
        }
        return added;
    }

    /**
     * Lets layouts use what a delta has trained. Nothing is made before one asks.
     *
     * @param delta over its base
     * @param trained the layout whose slots are its layers
     */
    public synchronized LoadedCheckpoint lend(String name, Checkpoint delta, Layout trained, WeightType type) {
        LoadedCheckpoint added =
                new LoadedCheckpoint(lastId.incrementAndGet(), name, delta, type, Optional.of(trained));
        checkpoints.add(added);
        return added;
    }

    /**
     * Takes hold of the parts of a layout, making those that are missing.
     *
     * @throws SlayerException 400 if a checkpoint that the layout names is not loaded or has another shape; 507 if derived
     *     blocks would need more memory than there may be
     */
    public synchronized Lease lease(LoadedCheckpoint base, Layout layout) {
        LayoutParts parts = checkpoints.parts(base, layout);
        Set<PartKey> wanted = parts.all().collect(Collectors.toSet());
        List<PartKey> missing =
                parts.all().filter(key -> !entries.containsKey(key)).toList();
        makeRoom(missing, wanted);
        missing.forEach(this::make);
        Map<PartKey, PartEntry> held = new HashMap<>();
        wanted.forEach(key -> held.put(key, entries.get(key)));
        held.values().forEach(entry -> entry.users++);
        return new Lease(parts, held);
    }

    /** Bytes of the derived blocks and heads that a layout needs, and of those that are there already. */
    public synchronized DerivedNeed need(LoadedCheckpoint base, Layout layout) {
        List<PartKey> derived =
                checkpoints.parts(base, layout).all().filter(PartKey::derived).toList();
        long resident = derived.stream()
                .filter(entries::containsKey)
                .mapToLong(maker::bytes)
                .sum();
        return new DerivedNeed(derived.stream().mapToLong(maker::bytes).sum(), resident);
    }

    /** Bytes of derived blocks: all that are needed, and what of them is in memory. */
    public record DerivedNeed(long bytes, long residentBytes) {}

    /** What derived blocks and heads take now. */
    public synchronized DerivedBlocks.Use use() {
        int blocks = (int) entries.values().stream()
                .filter(entry -> entry.key.derived() && entry.bytes > 0)
                .count();
        return new DerivedBlocks.Use(blocks, derivedBytes, limits.maxBytes());
    }

    private void make(PartKey key) {
        PartEntry entry = new PartEntry(key, maker.bytes(key), new CompletableFuture<>());
        entries.put(key, entry);
        derivedBytes += entry.bytes;
        worker.execute(() -> {
            long start = System.nanoTime();
            try {
                Part part = maker.make(key, ForkJoinPool.commonPool());
                LOG.debug("Made {} in {} ms", key, (System.nanoTime() - start) / 1_000_000);
                entry.part.complete(part);
            } catch (RuntimeException | Error e) {
                forget(entry); // first, so that whoever asks again gets a new attempt
                entry.part.completeExceptionally(e);
            }
            sweepRetiring(); // nobody may have waited for it
        });
    }

    private synchronized LoadedCheckpoint checkpoint(long id) {
        return checkpoints.get(id);
    }

    /** Room for missing derived blocks, if need be by dropping idle ones that this layout does not use, longest idle first. */
    private void makeRoom(List<PartKey> missing, Collection<PartKey> wanted) {
        long needed = missing.stream().mapToLong(maker::bytes).sum();
        List<PartEntry> derived = entries.values().stream()
                .filter(entry -> entry.key.derived())
                .sorted(Comparator.comparingLong(entry -> entry.idleSinceNanos))
                .toList();
        long kept = bytes(derived, entry -> wanted.contains(entry.key));
        long others = bytes(derived, entry -> !entry.idle() && !wanted.contains(entry.key));
        if (needed > 0 && others + kept + needed > limits.maxBytes()) {
            throw exhausted(kept + needed, others);
        }
        for (PartEntry entry : derived) {
            if (derivedBytes + needed <= limits.maxBytes()) {
                return;
            }
            if (entry.idle() && !wanted.contains(entry.key)) {
                drop(entry);
            }
        }
    }

    private static long bytes(List<PartEntry> entries, Predicate<PartEntry> which) {
        return entries.stream().filter(which).mapToLong(entry -> entry.bytes).sum();
    }

    private SlayerException exhausted(long needed, long others) {
        return new SlayerException(
                507,
                "derived_blocks_memory_exhausted",
                null,
                "This layout needs " + needed + " bytes of derived blocks, but these may take " + limits.maxBytes()
                        + " bytes, of which other requests hold " + others
                        + " now. Ask for fewer averaged, merged or trained layers, try again later, or start the server with more"
                        + " --derived-blocks-memory.",
                null);
    }

    private synchronized void release(Collection<PartEntry> held) {
        for (PartEntry entry : held) {
            entry.users--;
            entry.idleSinceNanos = System.nanoTime();
        }
        sweepRetiring();
    }

    private synchronized void dropIdle() {
        long now = System.nanoTime();
        List<PartEntry> old = entries.values().stream()
                .filter(entry -> entry.key.derived() && entry.idle())
                .filter(entry -> now - entry.idleSinceNanos >= limits.idle().toNanos())
                .toList();
        old.forEach(this::drop);
    }

    private void drop(PartEntry entry) {
        forget(entry);
        worker.execute(() -> entry.get().close());
    }

    private synchronized void forget(PartEntry entry) {
        if (entries.remove(entry.key, entry) && entry.key.derived()) {
            derivedBytes -= entry.bytes;
        }
    }

    /**
     * Gives a checkpoint's name free at once and its memory as soon as nobody uses it.
     *
     * @return completes when no block reads or comes from the checkpoint any more: it may be closed then
     */
    public synchronized CompletableFuture<Void> retire(LoadedCheckpoint checkpoint) {
        checkpoints.hide(checkpoint);
        if (!checkpoints.holds(checkpoint.id())) {
            return CompletableFuture.completedFuture(null);
        }
        CompletableFuture<Void> done = retiring.computeIfAbsent(checkpoint.id(), id -> new CompletableFuture<>());
        sweepRetiring();
        return done;
    }

    private synchronized void sweepRetiring() {
        for (long id : List.copyOf(retiring.keySet())) {
            List<PartEntry> using = entries.values().stream()
                    .filter(entry -> entry.key.uses(id))
                    .toList();
            using.stream().filter(PartEntry::idle).forEach(this::drop);
            if (using.stream().allMatch(PartEntry::idle)) {
                checkpoints.remove(id);
                CompletableFuture<Void> done = retiring.remove(id);
                worker.execute(() -> done.complete(null)); // after the blocks dropped above are closed
            }
        }
    }

    /** Ends the worker and frees what is left; nobody may use a block then. */
    @Override
    public void close() {
        worker.shutdown();
        boolean interrupted = false;
        while (!worker.isTerminated()) {
            try {
                worker.awaitTermination(1, TimeUnit.MINUTES);
            } catch (InterruptedException e) {
                interrupted = true; // native memory must not be left behind half freed
            }
        }
        entries.values().forEach(entry -> entry.get().close());
        entries.clear();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Hold of the parts of a layout. Thread-safe. */
    public final class Lease implements AutoCloseable {
        private final LayoutParts parts;
        private final Map<PartKey, PartEntry> held;
        private boolean closed;

        private Lease(LayoutParts parts, Map<PartKey, PartEntry> held) {
            this.parts = parts;
            this.held = held;
        }

        /** Completes when all parts are there, exceptionally if one cannot be made. */
        public CompletableFuture<Void> ready() {
            return CompletableFuture.allOf(
                    held.values().stream().map(entry -> entry.part).toArray(CompletableFuture<?>[]::new));
        }

        /** What the parts are made of, whatever it is called. */
        LayoutParts parts() {
            return parts;
        }

        /** The block of a recipe; only when ready. */
        Part block(Recipe recipe) {
            return held.get(parts.blocks().get(recipe)).get();
        }

        /** The embedding; only when ready. */
        Part embedding() {
            return held.get(parts.embedding()).get();
        }

        /** Final norm and head; only when ready. */
        Part head() {
            return held.get(parts.head()).get();
        }

        @Override
        public void close() {
            synchronized (BlockStore.this) {
                if (!closed) {
                    closed = true;
                    release(held.values());
                }
            }
        }

        @Override
        public String toString() {
            return parts.blocks().keySet().stream().map(Recipe::text).collect(Collectors.joining(",", "lease of ", ""));
        }
    }
}
