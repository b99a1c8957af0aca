package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackCost;
import dev.slayer.server.engine.block.BlockStack;
import dev.slayer.server.engine.block.BlockStore;
import dev.slayer.server.engine.block.LoadedCheckpoint;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * A checkpoint on a device with memory of its own. All rows of a step lie packed in one matrix [T, hidden] there: embedded, walked
 * through their stacks, and scored by the head. The host waits once, for what the head hands over.
 */
final class PackedRunner implements Runner {
    private final ModelConfig config;
    private final PackedOptions options;
    private final PagePool pool;
    private final PageShape shape;
    private final BlockStore store;
    private final LoadedCheckpoint loaded;
    private final StepData tokens;
    private final PackedWalk walk;
    private final PackedHead head;
    private final Calibration.Hold calibrated;
    private final Accelerator accelerator;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();

    /**
     * Uploads every layer's block, and the head.
     *
     * @param name what layouts of other checkpoints call it
     * @param checkpoint stays open until the runner has retired; not closed by it
     * @param maxRows rows of the largest step
     * @param calibrated what the checkpoint's blocks are calibrated by; let go when it has retired
     * @throws dev.slayer.surgery.SlayerException if the checkpoint, the runtime or the device fails
     */
    PackedRunner(
            PackedSessions sessions,
            BlockStore store,
            PackedOptions options,
            String name,
            Checkpoint checkpoint,
            WeightType type,
            PagePool pool,
            int maxRows,
            Calibration.Hold calibrated) {
        this.calibrated = calibrated;
        this.config = checkpoint.config();
        this.options = options;
        this.pool = pool;
        this.shape = PageShape.of(config, options);
        this.store = store;
        this.accelerator = pool.accelerator();
        try {
            this.tokens = own(new StepData(accelerator));
            this.walk = own(new PackedWalk(config, options, pool, maxRows));
            this.head = own(new PackedHead(sessions, config, options, accelerator));
            this.loaded = store.add(name, checkpoint, type); // last: layouts can use its layers from here on
        } catch (RuntimeException | Error e) {
            Closing.all(opened);
            throw e;
        }
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public CompletableFuture<Stack> prepare(Layout layout) {
        return BlockStack.prepare(store, loaded, layout);
    }

    @Override
    public StackCost cost(Layout layout) {
        BlockStore.DerivedNeed need = store.need(loaded, layout);
        return new StackCost(need.bytes(), need.residentBytes(), 2L * KvCache.slotsOf(layout) * shape.rowBytes());
    }

    @Override
    public Kv openKv(Layout layout) {
        return new PackedKv(pool, shape, KvCache.slotsOf(layout));
    }

    @Override
    public long kvBytes(Layout layout, int rows) {
        return PackedKv.bytes(shape, KvCache.slotsOf(layout), rows);
    }

    @Override
    public void run(List<Chunk> chunks, Sink sink) {
        try {
            embed(chunks);
            head.run(chunks, walk.run(chunks), sink);
        } catch (RuntimeException | Error e) {
            try {
                accelerator.await();
            } catch (RuntimeException later) {
                e.addSuppressed(later); // what came first says more
            }
            throw e;
        }
        accelerator.await(); // what was sent may be written over in the next step
    }

    @Override
    public boolean draws() {
        return true;
    }

    /** How often a block ran in the last step, for however many rows. */
    int turns() {
        return walk.turns();
    }

    /** Neighbouring rows whose stacks begin with the same embedding. */
    private record Group(PackedEmbedding embedding, int first, List<Chunk> chunks) {
        int rows() {
            return chunks.stream().mapToInt(Chunk::count).sum();
        }
    }

    private void embed(List<Chunk> chunks) {
        int rows = chunks.stream().mapToInt(Chunk::count).sum();
        List<Group> groups = groups(chunks);
        tokens.begin(groups.size() * StepData.aligned(1) + StepData.aligned((long) rows * Integer.BYTES));
        List<StepData.Region> regions = new ArrayList<>();
        for (Group group : groups) {
            StepData.Region region = tokens.add((long) group.rows() * Integer.BYTES);
            int row = 0;
            for (Chunk chunk : group.chunks()) {
                for (int position = chunk.from(); position < chunk.end(); position++) {
                    region.host().setAtIndex(JAVA_INT, row++, chunk.tokens()[position]);
                }
            }
            regions.add(region);
        }
        tokens.send();
        long rowBytes = (long) config.hiddenSize() * options.type().bytes();
        for (int i = 0; i < groups.size(); i++) {
            Group group = groups.get(i);
            DeviceSlice hidden = walk.rows().slice(group.first() * rowBytes, group.rows() * rowBytes);
            Queued.run(
                    accelerator,
                    group.embedding()
                            .binding()
                            .input("tokens", ElementType.INT32, regions.get(i).device(), group.rows())
                            .output("hidden", options.type(), hidden, group.rows(), config.hiddenSize()));
        }
    }

    private static List<Group> groups(List<Chunk> chunks) {
        List<Group> groups = new ArrayList<>();
        int row = 0;
        for (Chunk chunk : chunks) {
            PackedEmbedding embedding = (PackedEmbedding) ((BlockStack) chunk.stack()).embedding();
            if (groups.isEmpty() || !groups.getLast().embedding().equals(embedding)) {
                groups.add(new Group(embedding, row, new ArrayList<>()));
            }
            groups.getLast().chunks().add(chunk);
            row += chunk.count();
        }
        return groups;
    }

    @Override
    public CompletableFuture<Void> retire() {
        Closing.all(opened);
        return store.retire(loaded).thenRun(calibrated::close);
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }
}
