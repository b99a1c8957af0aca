package dev.slayer.server.engine;

import java.lang.foreign.MemorySegment;

/** A piece in the host's memory: [slots, keys and values, kvHeads, rows, headDim] in float32, laid over chunks. */
final class HostPrefixPiece extends PrefixPiece {
    private final int slots;
    private final int rows;
    private final int matrices;
    private final long rowBytes;
    private final PrefixMemory memory;
    private final MemorySegment[] chunks;

    /**
     * @param matrices of a slot: keys and values of each head
     * @param rowBytes of a row of a matrix
     */
    HostPrefixPiece(PrefixMemory memory, int slots, int rows, int matrices, long rowBytes) {
        this.slots = slots;
        this.rows = rows;
        this.matrices = matrices;
        this.rowBytes = rowBytes;
        this.memory = memory;
        this.chunks = memory.take((long) slots * matrices * rows * rowBytes);
    }

    @Override
    public long bytes() {
        return (long) chunks.length * memory.chunkBytes();
    }

    @Override
    protected void free() {
        memory.giveBack(chunks);
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

    @Override
    public PrefixPiece part(int from, int to) {
        HostPrefixPiece part = new HostPrefixPiece(memory, slots, to - from, matrices, rowBytes);
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
