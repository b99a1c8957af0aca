package dev.slayer.server.engine.block;

import dev.slayer.surgery.layout.Recipe;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a layout is put together from.
 *
 * @param blocks by the recipes of its slots; slots that add nothing have none
 */
record LayoutParts(EmbeddingKey embedding, Map<Recipe, BlockKey> blocks, HeadKey head) {
    /** Each part once. */
    Stream<PartKey> all() {
        Stream<PartKey> ends = Stream.of(embedding, head);
        return Stream.concat(ends, blocks.values().stream()).distinct();
    }
}
