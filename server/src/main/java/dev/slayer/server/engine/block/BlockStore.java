package dev.slayer.server.engine.block;

import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The blocks of all checkpoints on a device: made once from their recipes, shared, counted. Layers of a checkpoint are there
 * from {@link #add} to {@link #retire}; derived blocks come when a layout asks for them and go when they have been idle for long
 * or their memory is wanted. Thread-safe; {@link #add} and {@link #close} take their time, nothing else waits.
 */
final class BlockStore implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BlockStore.class);

    private final BlockCompiler compiler;
    private final DerivedBlocks limits;
    private final Map<BlockKey, Entry> entries = new HashMap<>();
    private final LoadedCheckpoints checkpoints = new LoadedCheckpoints();
    private final Map<Long, CompletableFuture<Void>> retiring = new HashMap<>();
    /** Makes and frees blocks one after the other; a block's two halves are made side by side. */
    private final ScheduledExecutorService worker;

    private final AtomicLong lastId = new AtomicLong();
    private long derivedBytes;

    /** A block and who uses it; guarded by the store. */
    private static final class Entry {
        final BlockKey key;
        final long bytes;
        final CompletableFuture<Block> block;
        int users;
        long idleSinceNanos = System.nanoTime();

        Entry(BlockKey key, long bytes, CompletableFuture<Block> block) {
            this.key = key;
            this.bytes = bytes;
            this.block = block;
        }

        boolean idle() {
            return users == 0 && block.isDone();
        }
    }

    BlockStore(OnnxRuntime runtime, DerivedBlocks limits) {
        this.compiler = new BlockCompiler(runtime);
        this.limits = limits;
        this.worker = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().daemon().name("blocks").factory());
        long period = Math.clamp(limits.idle().toMillis() / 2, 10, 30_000);
        var _ = worker.scheduleWithFixedDelay(this::dropIdle, period, period, TimeUnit.MILLISECONDS);
    }

    /**
     * Compiles every layer of a checkpoint on all cores; layouts can use it from then on.
     *
     * @throws SlayerException if one fails; nothing is left behind then
     */
    LoadedCheckpoint add(String name, Checkpoint checkpoint, WeightType type) {
        LoadedCheckpoint added = new LoadedCheckpoint(lastId.incrementAndGet(), name, checkpoint, type);
        List<Entry> layers = new ArrayList<>();
        try {
            IntStream.range(0, checkpoint.config().layers()).parallel().forEach(layer -> {
                Recipe recipe = new Recipe.Plain(layer);
                Block block = compiler.compile(checkpoint.config(), type, recipe, id -> checkpoint, Runnable::run);
                Entry entry = new Entry(
                        BlockKey.of(added, layer), added.blockBytes(), CompletableFuture.completedFuture(block));
                synchronized (layers) {
                    layers.add(entry);
                }
            });
        } catch (RuntimeException | Error e) {
            layers.forEach(entry -> entry.block.join().close());
            throw e;
        }
        synchronized (this) {
            layers.forEach(entry -> entries.put(entry.key, entry));
            checkpoints.add(added);
        }
        return added;
    }

    /**
     * Takes hold of the blocks of a layout, making those that are missing.
     *
     * @throws SlayerException 400 if a checkpoint that the layout names is not loaded or has another shape; 507 if derived
     *     blocks would need more memory than there may be
     */
    synchronized Lease lease(LoadedCheckpoint base, Layout layout) {
        Map<Recipe, BlockKey> keys = new LinkedHashMap<>();
        for (Slot slot : layout.slots()) {
            if (!slot.silent()) {
                keys.computeIfAbsent(slot.recipe(), recipe -> checkpoints.key(base, recipe));
            }
        }
        List<BlockKey> missing = keys.values().stream()
                .filter(key -> !entries.containsKey(key))
                .distinct()
                .toList();
        makeRoom(missing, keys.values());
        missing.forEach(this::make);
        Map<Recipe, Entry> held = new LinkedHashMap<>();
        keys.forEach((recipe, key) -> held.put(recipe, entries.get(key)));
        held.values().stream().distinct().forEach(entry -> entry.users++);
        return new Lease(held);
    }

    /** Bytes of the derived blocks that a layout needs, and of those that are there already. */
    synchronized DerivedNeed need(LoadedCheckpoint base, Layout layout) {
        List<BlockKey> derived = layout.slots().stream()
                .filter(slot -> !slot.silent() && slot.recipe().derived())
                .map(slot -> checkpoints.key(base, slot.recipe()))
                .distinct()
                .toList();
        long resident = derived.stream().filter(entries::containsKey).count() * base.blockBytes();
        return new DerivedNeed(derived.size() * base.blockBytes(), resident);
    }

    /** Bytes of derived blocks: all that are needed, and what of them is in memory. */
    record DerivedNeed(long bytes, long residentBytes) {}

    /** What derived blocks take now. */
    synchronized DerivedBlocks.Use use() {
        int blocks = (int) entries.keySet().stream().filter(BlockKey::derived).count();
        return new DerivedBlocks.Use(blocks, derivedBytes, limits.maxBytes());
    }

    private void make(BlockKey key) {
        LoadedCheckpoint base = checkpoints.get(key.owner());
        Entry entry = new Entry(key, base.blockBytes(), new CompletableFuture<>());
        entries.put(key, entry);
        derivedBytes += entry.bytes;
        worker.execute(() -> {
            long start = System.nanoTime();
            try {
                Block block = compiler.compile(
                        base.checkpoint().config(),
                        base.type(),
                        key.recipe(),
                        id -> id.isEmpty() ? base.checkpoint() : checkpoint(id),
                        ForkJoinPool.commonPool());
                LOG.debug("Made {} in {} ms", key.recipe().text(), (System.nanoTime() - start) / 1_000_000);
                entry.block.complete(block);
            } catch (RuntimeException | Error e) {
                forget(entry); // first, so that whoever asks again gets a new attempt
                entry.block.completeExceptionally(e);
            }
            sweepRetiring(); // nobody may have waited for it
        });
    }

    private synchronized Checkpoint checkpoint(String id) {
        return checkpoints.get(Long.parseLong(id)).checkpoint();
    }

    /** Room for missing derived blocks, if need be by dropping idle ones that this layout does not use, longest idle first. */
    private void makeRoom(List<BlockKey> missing, Collection<BlockKey> wanted) {
        long needed = missing.stream()
                .mapToLong(key -> checkpoints.get(key.owner()).blockBytes())
                .sum();
        List<Entry> derived = entries.values().stream()
                .filter(entry -> entry.key.derived())
                .sorted(Comparator.comparingLong(entry -> entry.idleSinceNanos))
                .toList();
        long kept = bytes(derived, entry -> wanted.contains(entry.key));
        long others = bytes(derived, entry -> !entry.idle() && !wanted.contains(entry.key));
        if (needed > 0 && others + kept + needed > limits.maxBytes()) {
            throw exhausted(kept + needed, others);
        }
        for (Entry entry : derived) {
            if (derivedBytes + needed <= limits.maxBytes()) {
                return;
            }
            if (entry.idle() && !wanted.contains(entry.key)) {
                drop(entry);
            }
        }
    }

    private static long bytes(List<Entry> entries, Predicate<Entry> which) {
        return entries.stream().filter(which).mapToLong(entry -> entry.bytes).sum();
    }

    private SlayerException exhausted(long needed, long others) {
        return new SlayerException(
                507,
                "derived_blocks_memory_exhausted",
                null,
                "This layout needs " + needed + " bytes of derived blocks, but these may take " + limits.maxBytes()
                        + " bytes, of which other requests hold " + others
                        + " now. Ask for fewer averaged or merged layers, try again later, or start the server with more"
                        + " --derived-blocks-memory.",
                null);
    }

    private synchronized void release(Collection<Entry> held) {
        for (Entry entry : held) {
            entry.users--;
            entry.idleSinceNanos = System.nanoTime();
        }
        sweepRetiring();
    }

    private synchronized void dropIdle() {
        long now = System.nanoTime();
        List<Entry> old = entries.values().stream()
                .filter(entry -> entry.key.derived() && entry.idle())
                .filter(entry -> now - entry.idleSinceNanos >= limits.idle().toNanos())
                .toList();
        old.forEach(this::drop);
    }

    private void drop(Entry entry) {
        forget(entry);
        worker.execute(() -> entry.block.join().close());
    }

    private synchronized void forget(Entry entry) {
        if (entries.remove(entry.key, entry) && entry.key.derived()) {
            derivedBytes -= entry.bytes;
        }
    }

    /**
     * Gives a checkpoint's name free at once and its memory as soon as nobody uses it.
     *
     * @return completes when no block reads or comes from the checkpoint any more: it may be closed then
     */
    synchronized CompletableFuture<Void> retire(LoadedCheckpoint checkpoint) {
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
            List<Entry> using = entries.values().stream()
                    .filter(entry -> entry.key.uses(id))
                    .toList();
            using.stream().filter(Entry::idle).forEach(this::drop);
            if (using.stream().allMatch(Entry::idle)) {
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
        entries.values().forEach(entry -> entry.block.join().close());
        entries.clear();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Hold of the blocks of a layout. Thread-safe. */
    final class Lease implements AutoCloseable {
        private final Map<Recipe, Entry> held;
        private boolean closed;

        private Lease(Map<Recipe, Entry> held) {
            this.held = held;
        }

        /** Completes when all blocks are there, exceptionally if one cannot be made. */
        CompletableFuture<Void> ready() {
            return CompletableFuture.allOf(
                    held.values().stream().map(entry -> entry.block).toArray(CompletableFuture<?>[]::new));
        }

        /** The block of a recipe; only when ready. */
        Block block(Recipe recipe) {
            return held.get(recipe).block.join();
        }

        /** What the block of a recipe is made of, whatever it is called. */
        BlockKey key(Recipe recipe) {
            return held.get(recipe).key;
        }

        /** Where a recipe's block stands among the layers of a model. */
        int order(Recipe recipe) {
            return held.get(recipe).key.order();
        }

        @Override
        public void close() {
            synchronized (BlockStore.this) {
                if (!closed) {
                    closed = true;
                    release(held.values().stream().distinct().toList());
                }
            }
        }

        @Override
        public String toString() {
            return held.keySet().stream().map(Recipe::text).collect(Collectors.joining(",", "lease of ", ""));
        }
    }
}
