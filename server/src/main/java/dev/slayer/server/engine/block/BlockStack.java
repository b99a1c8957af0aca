package dev.slayer.server.engine.block;

import dev.slayer.server.engine.KvCache;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Stack;
import dev.slayer.server.engine.StackPath;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Embedding, blocks and head of a layout, the blocks in the order in which a row passes them. Slots that add nothing are left out. */
public final class BlockStack implements Stack {
    private final Layout layout;
    private final BlockStore.Lease lease;
    private final Part embedding;
    private final List<Stage> stages;
    private final Part head;
    private final StackPath path;

    /**
     * A slot that does something.
     *
     * @param order where the block stands among the layers of a model
     * @param kvSlot of the sequence's cache; -1 where attention is off
     * @param attention factor of what the attention adds
     * @param mlp factor of what the MLP adds
     */
    public record Stage(Part block, int order, int kvSlot, float attention, float mlp) {
        /** Whether it has keys and values. */
        public boolean attends() {
            return kvSlot >= 0;
        }
    }

    /** Takes over a lease that is ready. */
    private BlockStack(Layout layout, BlockStore.Lease lease) {
        this.layout = layout;
        this.lease = lease;
        List<Stage> found = new ArrayList<>();
        List<StackPath.Place> places = new ArrayList<>();
        int kvSlot = 0;
        for (Slot slot : layout.slots()) {
            if (!slot.silent()) {
                BlockKey key = lease.parts().blocks().get(slot.recipe());
                found.add(new Stage(
                        lease.block(slot.recipe()),
                        key.order(),
                        KvCache.attends(slot) ? kvSlot++ : -1,
                        slot.gates().attentionScale(),
                        slot.gates().mlpScale()));
                places.add(StackPath.Place.of(key, slot));
            }
        }
        this.embedding = lease.embedding();
        this.stages = List.copyOf(found);
        this.head = lease.head();
        this.path =
                new StackPath(lease.parts().embedding(), places, lease.parts().head());
    }

    /** Takes hold of what a layout needs. The result is to be closed by the caller; see {@link Runner#prepare}. */
    public static CompletableFuture<Stack> prepare(BlockStore store, LoadedCheckpoint base, Layout layout) {
        BlockStore.Lease lease = store.lease(base, layout);
        return lease.ready()
                .<Stack>thenApply(ready -> new BlockStack(layout, lease))
                .whenComplete((stack, failure) -> {
                    if (failure != null) {
                        lease.close();
                    }
                });
    }

    /** Embedding. */
    public Part embedding() {
        return embedding;
    }

    /** Final norm and head. */
    public Part head() {
        return head;
    }

    /** Slots that do something, in the order in which a row passes them. */
    public List<Stage> stages() {
        return stages;
    }

    @Override
    public Layout layout() {
        return layout;
    }

    @Override
    public StackPath path() {
        return path;
    }

    @Override
    public void close() {
        lease.close();
    }
}
