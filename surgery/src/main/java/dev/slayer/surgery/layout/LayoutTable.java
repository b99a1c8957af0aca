package dev.slayer.surgery.layout;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.checkpoint.ParameterCounts;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a layout is made of and how large it is, from the config alone.
 *
 * @param layout canonical text
 * @param rows one for each slot
 * @param parameters of the whole model, as exported: embedding, slots, final norm, head
 * @param trainableParameters of the slots that are trained, each counted, and of the head if it is trained
 * @param trainsHead whether the head is trained; where it is tied, that is the embedding matrix
 * @param tiedHead whether the head is the embedding matrix
 * @param derivedBlocks distinct recipes that cost weight memory beyond the checkpoint's own when they are served; a head that does is
 *     the last of them
 * @param derivedParameters of those blocks together
 */
public record LayoutTable(
        String layout,
        List<Row> rows,
        long parameters,
        long trainableParameters,
        boolean trainsHead,
        boolean tiedHead,
        List<String> derivedBlocks,
        long derivedParameters) {
    public LayoutTable {
        rows = List.copyOf(rows);
        derivedBlocks = List.copyOf(derivedBlocks);
    }

    /**
     * A slot.
     *
     * @param slot from 0
     * @param text canonical text, gates included
     * @param recipe kind of the recipe in a word
     * @param layers that it reads, as text
     * @param parameters as exported
     * @param trainable whether a strategy trains it
     * @param silent whether it adds nothing, so that serving it costs nothing
     */
    public record Row(
            int slot,
            String text,
            String recipe,
            List<String> layers,
            long parameters,
            boolean trainable,
            boolean silent) {
        public Row {
            layers = List.copyOf(layers);
        }
    }

    /**
     * Describes a layout over checkpoints alone.
     *
     * @param config shape of the base checkpoint
     */
    public static LayoutTable of(Expansion expansion, ModelConfig config) {
        return of(expansion, config, Set.of());
    }

    /**
     * Describes a layout.
     *
     * @param config shape of the base checkpoint
     * @param deltas which of the names in the layout are deltas: what is taken of them costs memory as a derived block does
     */
    public static LayoutTable of(Expansion expansion, ModelConfig config, Set<String> deltas) {
        ParameterCounts counts = config.parameters();
        List<Slot> slots = expansion.layout().slots();
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < slots.size(); i++) {
            Slot slot = slots.get(i);
            rows.add(new Row(
                    i,
                    slot.text(),
                    kind(slot.recipe()),
                    slot.recipe().layers().stream().map(LayerRef::text).toList(),
                    counts.layer(),
                    expansion.trainable().contains(i),
                    slot.silent()));
        }
        List<String> derived = slots.stream()
                .filter(slot -> !slot.silent() && derived(slot.recipe(), deltas))
                .map(slot -> slot.recipe().text())
                .distinct()
                .toList();
        Ends ends = expansion.layout().ends();
        String head = derivedHead(ends, config, deltas);
        return new LayoutTable(
                expansion.layout().text(),
                rows,
                counts.embedding() + counts.layer() * slots.size() + counts.finalNorm() + counts.head(),
                counts.layer() * expansion.trainable().size() + (expansion.trainsHead() ? counts.embedding() : 0),
                expansion.trainsHead(),
                config.tiedEmbeddings(),
                head.isEmpty()
                        ? derived
                        : Stream.concat(derived.stream(), Stream.of(head)).toList(),
                counts.layer() * derived.size() + (head.isEmpty() ? 0 : counts.embedding()));
    }

    private static boolean derived(Recipe recipe, Set<String> deltas) {
        return recipe.derived() || deltas.contains(recipe.layers().getFirst().checkpoint());
    }

    /** Norm and head where they are together nobody's own in memory; empty where they are. */
    private static String derivedHead(Ends ends, ModelConfig config, Set<String> deltas) {
        String head = ends.headOf(config);
        boolean own = ends.norm().equals(head) && !deltas.contains(head);
        return own ? "" : new Ends(config.tiedEmbeddings() ? head : "", ends.norm(), ends.head()).text();
    }

    /** Weight memory that the derived blocks cost. */
    public long derivedBytes(double bytesPerParameter) {
        return Math.round(derivedParameters * bytesPerParameter);
    }

    /** The slots that are trained, as a list of numbers; empty if none is. */
    public String trainableSlots() {
        return rows.stream()
                .filter(Row::trainable)
                .map(row -> Integer.toString(row.slot()))
                .collect(Collectors.joining(","));
    }

    private static String kind(Recipe recipe) {
        return switch (recipe) {
            case Recipe.Plain plain -> "layer";
            case Recipe.Average average -> "average";
            case Recipe.Zero zero -> "zero";
            case Recipe.AverageZero average -> "average-zero";
            case Recipe.Lerp lerp -> "lerp";
            case Recipe.Slerp slerp -> "slerp";
            case Recipe.Linear linear -> "linear";
            case Recipe.Task task -> "task";
            case Recipe.Ties ties -> "ties";
            case Recipe.Dare dare -> "dare";
        };
    }
}
