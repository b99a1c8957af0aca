package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/** Builds the stack of a published strategy from its first layer to its last; the inserted blocks are what is trained. */
final class Strategy {
    private final String param;
    private final int layers;
    private final List<Slot> slots = new ArrayList<>();
    private final SortedSet<Integer> trainable = new TreeSet<>();
    private int next;

    /**
     * @param param what failures are about
     * @param layers of the checkpoint
     */
    Strategy(String param, int layers) {
        this.param = param;
        this.layers = layers;
    }

    /** Layers taken so far. */
    int taken() {
        return next;
    }

    /** Takes the next layers as they are; there must be so many. */
    void keep(int count) {
        for (int i = 0; i < count; i++) {
            add(new Recipe.Plain(next++));
        }
    }

    /** Adds trained blocks after the layer taken last. */
    void insert(Init init, int count) {
        int after = next - 1;
        if (!init.fits(after, layers)) {
            throw SlayerException.badRequest(param, param + ": init=" + init.misfit(after));
        }
        for (int i = 0; i < count; i++) {
            trainable.add(slots.size());
            add(init.after(after));
        }
    }

    /** Puts the trained final block in the place of the next layer; those behind it are deleted, at least one. */
    void end(FinalBlock block) {
        trainable.add(slots.size());
        add(block.recipe(next++, layers));
    }

    /** The result; the head is trained if anything is. */
    Expansion expansion() {
        return new Expansion(new Layout(slots), trainable, !trainable.isEmpty());
    }

    private void add(Recipe recipe) {
        if (slots.size() == Layout.MAX_SLOTS) {
            throw SlayerException.badRequest(
                    param,
                    param + ": the layout would have more than " + Layout.MAX_SLOTS + " slots, which is the most");
        }
        slots.add(new Slot(recipe));
    }
}
