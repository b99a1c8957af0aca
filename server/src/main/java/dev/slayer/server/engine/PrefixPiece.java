package dev.slayer.server.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * KV of some rows in some neighbouring slots: [slots, keys and values, kvHeads, rows, headDim]. Layouts whose first slots are the
 * same share it; the last to let go frees it. One thread only, the engine's.
 */
final class PrefixPiece {
    final int slots;
    final int rows;
    final MemorySegment memory;
    private final int matrices;
    private final long rowBytes;
    private final Arena arena = Arena.ofConfined();
    private int users;

    /**
     * @param matrices of a slot: keys and values of each head
     * @param rowBytes of a row of a matrix
     */
    PrefixPiece(int slots, int rows, int matrices, long rowBytes) {
        this.slots = slots;
        this.rows = rows;
        this.matrices = matrices;
        this.rowBytes = rowBytes;
        this.memory = arena.allocate((long) slots * matrices * rows * rowBytes, 64);
    }

    long bytes() {
        return memory.byteSize();
    }

    void hold() {
        users++;
    }

    /** Frees the memory if nobody else holds it. @return bytes that this has freed */
    long letGo() {
        users--;
        if (users > 0) {
            return 0;
        }
        long bytes = bytes();
        arena.close();
        return bytes;
    }

    /** Where a row of a slot's matrix lies. */
    long at(int slot, int matrix, int row) {
        return (((long) slot * matrices + matrix) * rows + row) * rowBytes;
    }

    /** A copy of some of the rows, which nobody holds yet. */
    PrefixPiece part(int from, int to) {
        PrefixPiece part = new PrefixPiece(slots, to - from, matrices, rowBytes);
        for (int slot = 0; slot < slots; slot++) {
            for (int matrix = 0; matrix < matrices; matrix++) {
                MemorySegment.copy(
                        memory, at(slot, matrix, from), part.memory, part.at(slot, matrix, 0), part.rows * rowBytes);
            }
        }
        return part;
    }
}
