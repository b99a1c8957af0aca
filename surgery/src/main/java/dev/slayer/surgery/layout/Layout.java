package dev.slayer.surgery.layout;

import java.util.List;
import java.util.StringJoiner;
import java.util.stream.IntStream;

/** The ordered list of slots of a model. Equal text means equal model. */
public record Layout(List<Slot> slots) {
    /** @throws IllegalArgumentException if there is no slot */
    public Layout {
        slots = List.copyOf(slots);
        if (slots.isEmpty()) {
            throw new IllegalArgumentException("a layout needs at least one slot");
        }
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

    /** Canonical text: runs of ascending plain layers are written as a range, {@code 0-7,6-11}. */
    public String text() {
        StringJoiner text = new StringJoiner(",");
        for (int at = 0; at < slots.size(); ) {
            int end = at;
            while (end + 1 < slots.size() && follows(slots.get(end), slots.get(end + 1))) {
                end++;
            }
            text.add(
                    end == at
                            ? slots.get(at).text()
                            : slots.get(at).text() + "-" + slots.get(end).text());
            at = end + 1;
        }
        return text.toString();
    }

    private static boolean follows(Slot one, Slot next) {
        return one.recipe() instanceof Recipe.Plain(LayerRef a)
                && next.recipe() instanceof Recipe.Plain(LayerRef b)
                && a.checkpoint().equals(b.checkpoint())
                && b.layer() == a.layer() + 1
                && one.gates().equals(Gates.OPEN)
                && next.gates().equals(Gates.OPEN);
    }
}
