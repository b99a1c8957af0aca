package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What an inserted block starts from, given the layer before it. */
enum Init {
    /** Mean of the layer and the next. */
    AVERAGE,
    /** The same, silent. */
    AVERAGE_ZERO,
    /** The layer once more. */
    COPY,
    /** A silent copy of the layer. */
    ZERO;

    /** As users write it. */
    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** All names, for messages. */
    static String names() {
        return Arrays.stream(values()).map(Init::text).collect(Collectors.joining(", "));
    }

    static Init parse(String param, String text) {
        return Arrays.stream(values())
                .filter(init -> init.text().equals(text))
                .findFirst()
                .orElseThrow(() -> SlayerException.badRequest(
                        param,
                        param + "=" + Excerpt.of(text) + ": '" + Excerpt.of(text) + "' is unknown; there are "
                                + names()));
    }

    /** Whether it can follow a layer of a checkpoint that has so many: a mean needs a next one. */
    boolean fits(int layer, int layers) {
        return (this != AVERAGE && this != AVERAGE_ZERO) || layer + 1 < layers;
    }

    /** The block that follows a layer of the base. */
    Recipe after(int layer) {
        return switch (this) {
            case AVERAGE -> new Recipe.Average(List.of(LayerRef.of(layer), LayerRef.of(layer + 1)));
            case AVERAGE_ZERO -> new Recipe.AverageZero(List.of(LayerRef.of(layer), LayerRef.of(layer + 1)));
            case COPY -> new Recipe.Plain(layer);
            case ZERO -> new Recipe.Zero(LayerRef.of(layer));
        };
    }

    /** Why {@link #fits} says no, and what to do. */
    String misfit(int layer) {
        return text() + " after layer " + layer + " needs a next layer, but " + layer
                + " is the last one; use copy or zero there";
    }
}
