package dev.slayer.server.engine;

import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.util.List;

/**
 * What a row passes on its way through a stack, slot by slot; silent slots are left out. Two stacks whose paths begin alike have the
 * same KV in those slots for the same tokens.
 */
public final class StackPath {
    private final List<Place> places;
    private final int hash;

    public StackPath(List<Place> places) {
        this.places = List.copyOf(places);
        this.hash = this.places.hashCode();
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
        return new StackPath(layout.slots().stream()
                .filter(slot -> !slot.silent())
                .map(slot -> Place.of(slot.recipe(), slot))
                .toList());
    }

    /** Slots that have KV. */
    int kvSlots() {
        return (int) places.stream().filter(Place::attends).count();
    }

    /** How many of the first slots with KV have the same KV in both. */
    int sharedKvSlots(StackPath other) {
        int shared = 0;
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
        return this == other || (other instanceof StackPath path && hash == path.hash && places.equals(path.places));
    }

    @Override
    public int hashCode() {
        return hash;
    }
}
