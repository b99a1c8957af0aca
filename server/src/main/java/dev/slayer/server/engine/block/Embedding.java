package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Float32Source;
import java.lang.foreign.MemorySegment;

/**
 * Rows of hidden states by token, read from the checkpoint's own memory.
 *
 * @param rows [vocabulary, hidden]
 */
record Embedding(Float32Source rows) implements Part {
    /**
     * Looks a token up.
     *
     * @param target [hidden]
     */
    void read(int token, MemorySegment target) {
        rows.toFloat32(token * (target.byteSize() / Float.BYTES), target);
    }

    /** It holds no memory of its own. */
    @Override
    public void close() {}
}
