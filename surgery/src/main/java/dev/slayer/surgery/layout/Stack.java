package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;

/** A stack while it is edited. Edits name layers of the base and mean the slots that hold these layers plainly. */
final class Stack {
    /**
     * @param trainable whether a strategy trains it
     * @param original whether it was there before the edits
     */
    private record Entry(Slot slot, boolean trainable, boolean original) {
        boolean holds(int layer) {
            return slot.recipe() instanceof Recipe.Plain(LayerRef ref) && ref.ofBase() && ref.layer() == layer;
        }
    }

    private final int layers;
    private final Ends ends;
    private final boolean trainsHead;
    private List<Entry> entries;

    /**
     * @param start what is edited
     * @param layers of the base
     */
    Stack(Expansion start, int layers) {
        this.layers = layers;
        this.ends = start.layout().ends();
        this.trainsHead = start.trainsHead();
        this.entries = new ArrayList<>();
        List<Slot> slots = start.layout().slots();
        for (int i = 0; i < slots.size(); i++) {
            entries.add(new Entry(slots.get(i), start.trainable().contains(i), true));
        }
    }

    /** {@code 5:copy,7-9:average}. */
    void insert(String text) {
        Cursor cursor = new Cursor("insert", text);
        Map<Integer, List<Entry>> insertions = new TreeMap<>();
        int count = 0;
        do {
            int begin = cursor.at();
            Cursor.Range range = range(cursor);
            cursor.expect(':', "and what to insert after layer " + range.to() + ": " + Init.names());
            int kind = cursor.at();
            String name = cursor.name();
            Init init = initialization(cursor, kind, name);
            count += range.size();
            if (entries.size() + count > Layout.MAX_SLOTS) {
                throw cursor.refuse(
                        begin, "here the layout exceeds " + Layout.MAX_SLOTS + " slots, which is the most it may have");
            }
            for (int layer = range.from(); layer <= range.to(); layer++) {
                if (!init.fits(layer, layers)) {
                    throw cursor.refuse(begin, init.misfit(layer));
                }
                insertions
                        .computeIfAbsent(last(cursor, begin, layer), at -> new ArrayList<>())
                        .add(new Entry(new Slot(init.after(layer)), false, false));
            }
        } while (cursor.nextItem("a layer and what to insert after it, such as 5:copy"));
        List<Entry> longer = new ArrayList<>(entries.size() + count);
        for (int i = 0; i < entries.size(); i++) {
            longer.add(entries.get(i));
            longer.addAll(insertions.getOrDefault(i, List.of()));
        }
        entries = longer;
    }

    private static Init initialization(Cursor cursor, int begin, String name) {
        try {
            return Init.parse("insert", name);
        } catch (SlayerException e) {
            throw cursor.refuse(begin, "expected one of " + Init.names(), e);
        }
    }

    /** {@code 3,7-9}. */
    void remove(String text) {
        Cursor cursor = new Cursor("remove", text);
        Set<Integer> gone = new HashSet<>();
        do {
            int begin = cursor.at();
            Cursor.Range range = range(cursor);
            for (int layer = range.from(); layer <= range.to(); layer++) {
                int wanted = layer;
                if (entries.stream().noneMatch(entry -> entry.original && entry.holds(wanted))) {
                    throw missing(cursor, begin, layer);
                }
                gone.add(layer);
            }
        } while (cursor.nextItem("a layer or a range, such as 7-9"));
        List<Entry> left = entries.stream()
                .filter(entry -> !(entry.original && gone.stream().anyMatch(entry::holds)))
                .toList();
        if (left.isEmpty()) {
            throw cursor.refuse(0, "no layer would be left; keep at least one");
        }
        entries = left;
    }

    /** {@code attn:5,mlp:7-9}. */
    void skip(String text) {
        Cursor cursor = new Cursor("skip", text);
        do {
            int begin = cursor.at();
            String kind = cursor.word();
            boolean attention = kind.equals("attn");
            if (!attention && !kind.equals("mlp")) {
                throw cursor.refuse(begin, "expected attn: or mlp: and a layer, such as attn:5");
            }
            cursor.expect(':', "and a layer after " + kind);
            gate(
                    cursor,
                    cursor.at(),
                    range(cursor),
                    gates -> new Gates(gates.attention() && !attention, gates.mlp() && attention, gates.scale()));
        } while (cursor.nextItem("attn: or mlp: and a layer, such as attn:5"));
    }

    /** {@code 5:0.5}. */
    void scale(String text) {
        Cursor cursor = new Cursor("scale", text);
        Set<Integer> scaled = new HashSet<>();
        do {
            int begin = cursor.at();
            Cursor.Range range = range(cursor);
            cursor.expect(':', "and a scale after layer " + range.to());
            BigDecimal scale = cursor.decimal("a scale such as 0.5");
            for (int layer = range.from(); layer <= range.to(); layer++) {
                if (!scaled.add(layer)) {
                    throw cursor.refuse(begin, "layer " + layer + " has a scale already; give each layer one");
                }
            }
            gate(cursor, begin, range, gates -> new Gates(gates.attention(), gates.mlp(), scale));
        } while (cursor.nextItem("a layer and its scale, such as 5:0.5"));
    }

    private void gate(Cursor cursor, int begin, Cursor.Range range, UnaryOperator<Gates> change) {
        for (int layer = range.from(); layer <= range.to(); layer++) {
            last(cursor, begin, layer);
        }
        try {
            entries = entries.stream()
                    .map(entry -> within(entry, range) ? gated(entry, change) : entry)
                    .toList();
        } catch (IllegalArgumentException e) {
            throw cursor.refuse(begin, e.getMessage(), e);
        }
    }

    private static boolean within(Entry entry, Cursor.Range range) {
        return entry.slot.recipe() instanceof Recipe.Plain(LayerRef ref)
                && ref.ofBase()
                && ref.layer() >= range.from()
                && ref.layer() <= range.to();
    }

    private static Entry gated(Entry entry, UnaryOperator<Gates> change) {
        Slot slot = new Slot(entry.slot.recipe(), change.apply(entry.slot.gates()));
        return new Entry(slot, entry.trainable, entry.original);
    }

    /** The result. */
    Expansion expansion() {
        SortedSet<Integer> trainable = new TreeSet<>();
        for (int i = 0; i < entries.size(); i++) {
            if (entries.get(i).trainable) {
                trainable.add(i);
            }
        }
        return new Expansion(new Layout(entries.stream().map(Entry::slot).toList(), ends), trainable, trainsHead);
    }

    private Cursor.Range range(Cursor cursor) {
        return cursor.range(layers, "this checkpoint");
    }

    /** The last slot that holds a layer. */
    private int last(Cursor cursor, int begin, int layer) {
        for (int i = entries.size() - 1; i >= 0; i--) {
            if (entries.get(i).holds(layer)) {
                return i;
            }
        }
        throw missing(cursor, begin, layer);
    }

    private SlayerException missing(Cursor cursor, int begin, int layer) {
        return cursor.refuse(
                begin,
                "no slot of this stack is layer " + layer + "; the stack is "
                        + Excerpt.of(expansion().layout().text()));
    }
}
