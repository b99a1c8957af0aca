package dev.slayer.server.engine.packed;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The rows that arrived at each layer of a checkpoint, in the host's memory. */
final class KeptRows implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] layers;

    /** @param bytes of a layer's rows */
    KeptRows(int layers, long bytes) {
        this.layers = new MemorySegment[layers];
        for (int layer = 0; layer < layers; layer++) {
            this.layers[layer] = arena.allocate(bytes, 64);
        }
    }

    /** Those of a layer: [rows, hidden], in the type of activations. */
    MemorySegment at(int layer) {
        return layers[layer];
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
