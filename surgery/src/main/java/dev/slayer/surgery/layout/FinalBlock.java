package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What the last kept layer starts from when deeper ones are deleted. */
enum FinalBlock {
    /** Mean of the deleted layers. */
    AVG_DISCARDED,
    /** Mean of itself and the deleted layers. */
    AVG_ALL,
    /** Itself. */
    KEEP;

    private String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static FinalBlock parse(String text) {
        return Arrays.stream(values())
                .filter(block -> block.text().equals(text))
                .findFirst()
                .orElseThrow(() -> SlayerException.badRequest(
                        "final",
                        "final=" + Excerpt.of(text) + ": '" + Excerpt.of(text) + "' is unknown; there are "
                                + Arrays.stream(values()).map(FinalBlock::text).collect(Collectors.joining(", "))));
    }

    /**
     * The block in the last kept layer's place.
     *
     * @param last the last kept layer
     * @param layers of the checkpoint; those behind {@code last} are deleted, at least one
     */
    Recipe recipe(int last, int layers) {
        return switch (this) {
            case AVG_DISCARDED -> mean(last + 1, layers);
            case AVG_ALL -> mean(last, layers);
            case KEEP -> new Recipe.Plain(last);
        };
    }

    private static Recipe mean(int from, int to) {
        if (to - from > Recipe.MAX_LAYERS) {
            throw SlayerException.badRequest(
                    "final",
                    "the final block would be the mean of " + (to - from) + " layers, but a recipe takes at most "
                            + Recipe.MAX_LAYERS + "; delete fewer, or use final=keep");
        }
        List<LayerRef> layers =
                new ArrayList<>(IntStream.range(from, to).mapToObj(LayerRef::of).toList());
        return layers.size() == 1 ? new Recipe.Plain(layers.getFirst()) : new Recipe.Average(layers);
    }
}
