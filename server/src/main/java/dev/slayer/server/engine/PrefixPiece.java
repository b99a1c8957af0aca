package dev.slayer.server.engine;

import java.lang.foreign.MemorySegment;

/**
 * KV of some rows in some neighbouring slots: [slots, keys and values, kvHeads, rows, headDim], laid over chunks. Stacks whose first
 * slots are the same share it; the last to let go gives the chunks back. One thread only, the engine's.
 */
final class PrefixPiece {
    final int slots;
    final int rows;
    private final int matrices;
    private final long rowBytes;
    private final PrefixMemory memory;
    private final MemorySegment[] chunks;
    private int users;

    /**
     * @param matrices of a slot: keys and values of each head
     * @param rowBytes of a row of a matrix
     */
    PrefixPiece(PrefixMemory memory, int slots, int rows, int matrices, long rowBytes) {
        this.slots = slots;
        this.rows = rows;
        this.matrices = matrices;
        this.rowBytes = rowBytes;
        this.memory = memory;
        this.chunks = memory.take((long) slots * matrices * rows * rowBytes);
    }

    /** Bytes of its chunks. */
    long bytes() {
        return (long) chunks.length * memory.chunkBytes();
    }

    void hold() {
        users++;
    }

    /** Gives the chunks back if nobody else holds it. @return bytes that this has freed */
    long letGo() {
        users--;
        if (users > 0) {
            return 0;
        }
        memory.giveBack(chunks);
        return bytes();
    }

    /** Takes all rows of a matrix. */
    void write(int slot, int matrix, MemorySegment from, long fromAt) {
        long at = at(slot, matrix, 0);
        long left = rows * rowBytes;
        for (long done = 0; done < left; ) {
            long count = Math.min(left - done, inChunk(at + done));
            MemorySegment.copy(from, fromAt + done, chunk(at + done), offset(at + done), count);
            done += count;
        }
    }

    /** Hands out the first rows of a matrix. */
    void read(int slot, int matrix, int count, MemorySegment to, long toAt) {
        long at = at(slot, matrix, 0);
        long left = count * rowBytes;
        for (long done = 0; done < left; ) {
            long here = Math.min(left - done, inChunk(at + done));
            MemorySegment.copy(chunk(at + done), offset(at + done), to, toAt + done, here);
            done += here;
        }
    }

    /** A copy of some of the rows, which nobody holds yet. */
    PrefixPiece part(int from, int to) {
        PrefixPiece part = new PrefixPiece(memory, slots, to - from, matrices, rowBytes);
        for (int slot = 0; slot < slots; slot++) {
            for (int matrix = 0; matrix < matrices; matrix++) {
                long at = at(slot, matrix, from);
                long target = part.at(slot, matrix, 0);
                long left = part.rows * rowBytes;
                for (long done = 0; done < left; ) {
                    long count = Math.min(left - done, Math.min(inChunk(at + done), inChunk(target + done)));
                    MemorySegment.copy(
                            chunk(at + done),
                            offset(at + done),
                            part.chunk(target + done),
                            offset(target + done),
                            count);
                    done += count;
                }
            }
        }
        return part;
    }

    private long at(int slot, int matrix, int row) {
        return (((long) slot * matrices + matrix) * rows + row) * rowBytes;
    }

    private MemorySegment chunk(long at) {
        return chunks[(int) (at / memory.chunkBytes())];
    }

    private long offset(long at) {
        return at % memory.chunkBytes();
    }

    /** Bytes from here to the end of the chunk. */
    private long inChunk(long at) {
        return memory.chunkBytes() - offset(at);
    }
}
