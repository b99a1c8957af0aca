package dev.slayer.surgery.layout;

import dev.slayer.surgery.checkpoint.ModelConfig;
import java.util.List;
import java.util.NavigableSet;
import java.util.Objects;
import java.util.StringJoiner;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * The ordered list of slots of a model, and where it takes embedding, final norm and head. Equal text means equal model.
 *
 * @param slots from the first to the last
 * @param ends what lies before and behind them
 */
public record Layout(List<Slot> slots, Ends ends) {
    /** The most slots of a layout. */
    public static final int MAX_SLOTS = 1024;

    /** The most characters of a layout's text, and of the value of a parameter that edits one. */
    public static final int MAX_TEXT = 32_768;

    /** @throws IllegalArgumentException if there is no slot, or more than {@link #MAX_SLOTS} */
    public Layout {
        slots = List.copyOf(slots);
        Objects.requireNonNull(ends);
        if (slots.isEmpty()) {
            throw new IllegalArgumentException("a layout needs at least one slot");
        }
        if (slots.size() > MAX_SLOTS) {
            throw new IllegalArgumentException("a layout has at most " + MAX_SLOTS + " slots, not " + slots.size());
        }
    }

    /**
     * Slots between the base's embedding and the base's head.
     *
     * @throws IllegalArgumentException if there is no slot, or more than {@link #MAX_SLOTS}
     */
    public Layout(List<Slot> slots) {
        this(slots, Ends.BASE);
    }

    /**
     * Reads a layout, canonical or not. Items are separated by a comma, a plus or spaces.
     *
     * @param base the checkpoint whose layers the numbers mean
     * @param others the checkpoints whose layers may be taken as {@code name:7}, and whose head as {@code head(name)}
     * @throws dev.slayer.surgery.SlayerException 400, parameter {@code layers}, naming the place in the text, what is wrong
     *     with it and what is allowed
     */
    public static Layout parse(String text, ModelConfig base, Namespace others) {
        return LayoutParser.parse("layers", text, base, others);
    }

    /** The base model: layers 0 to layers-1, each once. */
    public static Layout identity(int layers) {
        return new Layout(IntStream.range(0, layers)
                .mapToObj(layer -> new Slot(new Recipe.Plain(layer)))
                .toList());
    }

    /** Number of slots. */
    public int depth() {
        return slots.size();
    }

    /** Names of the checkpoints other than the base that anything is taken of, in the order of the alphabet. */
    public NavigableSet<String> checkpoints() {
        NavigableSet<String> names = new TreeSet<>();
        for (Slot slot : slots) {
            slot.recipe().layers().stream()
                    .filter(layer -> !layer.ofBase())
                    .map(LayerRef::checkpoint)
                    .forEach(names::add);
        }
        ends.checkpoints().forEach(names::add);
        return names;
    }

    /**
     * Canonical text: runs of ascending plain layers with the same gates are written as a range, {@code 0-7,6-11*0.5}; then
     * embedding, norm and head where they are not the base's.
     */
    public String text() {
        StringJoiner text = new StringJoiner(",");
        for (int at = 0; at < slots.size(); ) {
            int end = at;
            while (end + 1 < slots.size() && follows(slots.get(end), slots.get(end + 1))) {
                end++;
            }
            text.add(run(slots.get(at), slots.get(end)));
            at = end + 1;
        }
        if (!ends.equals(Ends.BASE)) {
            text.add(ends.text());
        }
        return text.toString();
    }

    private static String run(Slot first, Slot last) {
        return first.recipe() instanceof Recipe.Plain(LayerRef from)
                        && last.recipe() instanceof Recipe.Plain(LayerRef to)
                        && to.layer() > from.layer()
                ? from.text() + "-" + to.layer() + first.gates().text()
                : first.text();
    }

    private static boolean follows(Slot one, Slot next) {
        return one.recipe() instanceof Recipe.Plain(LayerRef a)
                && next.recipe() instanceof Recipe.Plain(LayerRef b)
                && a.checkpoint().equals(b.checkpoint())
                && b.layer() == a.layer() + 1
                && one.gates().equals(next.gates());
    }
}
