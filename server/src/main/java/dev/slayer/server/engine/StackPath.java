package dev.slayer.server.engine;

import dev.slayer.surgery.layout.Ends;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.util.List;
import java.util.Objects;

/**
 * What a row passes on its way through a stack: its embedding, slot by slot, and the head; silent slots are left out. Two stacks whose
 * paths begin alike have the same KV in those slots for the same tokens. Equal paths have the same scores, too.
 */
public final class StackPath {
    private final Object embedding;
    private final List<Place> places;
    private final Object head;
    private final int hash;

    /**
     * The way through a stack.
     *
     * @param embedding what turns tokens into rows; equal for equal weights only
     * @param head what turns the last rows into logits, the final norm included; equal for equal weights only
     */
    public StackPath(Object embedding, List<Place> places, Object head) {
        this.embedding = Objects.requireNonNull(embedding);
        this.places = List.copyOf(places);
        this.head = Objects.requireNonNull(head);
        this.hash = Objects.hash(this.embedding, this.places, this.head);
    }

    /**
     * A slot.
     *
     * @param block what its weights are; equal for equal weights only, also after checkpoints have come and gone
     * @param attends whether it has KV
     * @param attention factor of what its attention adds
     * @param mlp factor of what its MLP adds
     */
    public record Place(Object block, boolean attends, float attention, float mlp) {
        /** A slot of a layout. */
        public static Place of(Object block, Slot slot) {
            return new Place(
                    block,
                    KvCache.attends(slot),
                    slot.gates().attentionScale(),
                    slot.gates().mlpScale());
        }
    }

    /** The path of a layout on a model that has no blocks. */
    static StackPath of(Layout layout) {
        Ends ends = layout.ends();
        return new StackPath(
                ends.embedding(),
                layout.slots().stream()
                        .filter(slot -> !slot.silent())
                        .map(slot -> Place.of(slot.recipe(), slot))
                        .toList(),
                ends);
    }

    /** Slots that have KV. */
    int kvSlots() {
        return (int) places.stream().filter(Place::attends).count();
    }

    /** How many of the first slots with KV have the same KV in both. */
    int sharedKvSlots(StackPath other) {
        int shared = 0;
        if (!embedding.equals(other.embedding)) {
            return shared;
        }
        for (int i = 0; i < Math.min(places.size(), other.places.size()); i++) {
            if (!places.get(i).equals(other.places.get(i))) {
                return shared;
            }
            shared += places.get(i).attends() ? 1 : 0;
        }
        return shared;
    }

    @Override
    public boolean equals(Object other) {
        return this == other
                || (other instanceof StackPath path
                        && hash == path.hash
                        && embedding.equals(path.embedding)
                        && places.equals(path.places)
                        && head.equals(path.head));
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
