package dev.slayer.server.engine.packed;

import dev.slayer.surgery.checkpoint.ModelConfig;

/**
 * How a model lays out its KV pages: keys and values [rows, kvHeads, headDim] each, in two pools of the same form.
 *
 * @param rows of a page
 * @param rowBytes of the keys, or the values, of a row
 */
record PageShape(int rows, long rowBytes) {
    static PageShape of(ModelConfig config, PackedOptions options) {
        return new PageShape(
                options.pageRows(), (long) config.kvWidth() * options.kvType().bytes());
    }

    /** Bytes of a page's keys, or of its values. */
    long bytes() {
        return rows * rowBytes;
    }

    /** Pages that so many rows of a slot take. */
    int pages(int count) {
        return (count + rows - 1) / rows;
    }
}
