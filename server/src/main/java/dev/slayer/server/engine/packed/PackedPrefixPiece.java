package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.PrefixPiece;

/** A piece in a device's memory: [slots, keys and values, rows, kvHeads, headDim], laid over chunks. */
final class PackedPrefixPiece extends PrefixPiece {
    private final int slots;
    private final int rows;
    private final long rowBytes;
    private final ChunkMemory memory;
    private final DeviceSlice[] chunks;

    /** @param rowBytes of the keys, or the values, of a row */
    PackedPrefixPiece(ChunkMemory memory, int slots, int rows, long rowBytes) {
        this.slots = slots;
        this.rows = rows;
        this.rowBytes = rowBytes;
        this.memory = memory;
        this.chunks = memory.take(2L * slots * rows * rowBytes);
    }

    @Override
    public long bytes() {
        return (long) chunks.length * memory.chunkBytes();
    }

    @Override
    protected void free() {
        memory.giveBack(chunks);
    }

    /** One end of a copy. */
    @FunctionalInterface
    private interface Other {
        /** Its bytes from an offset on, as many as the chunk has. */
        void copy(DeviceSlice chunk, long done);
    }

    /** Takes rows of a slot's keys or values, from a row of the piece on. */
    void write(int slot, boolean keys, int row, DeviceSlice from) {
        each(
                at(slot, keys, row),
                from.bytes(),
                (chunk, done) -> memory.accelerator().copy(from.slice(done, chunk.bytes()), chunk));
    }

    /** Hands rows of a slot's keys or values out, from a row of the piece on. */
    void read(int slot, boolean keys, int row, DeviceSlice to) {
        each(
                at(slot, keys, row),
                to.bytes(),
                (chunk, done) -> memory.accelerator().copy(chunk, to.slice(done, chunk.bytes())));
    }

    @Override
    public PrefixPiece part(int from, int to) {
        PackedPrefixPiece part = new PackedPrefixPiece(memory, slots, to - from, rowBytes);
        for (int slot = 0; slot < slots; slot++) {
            for (boolean keys : new boolean[] {true, false}) {
                long target = part.at(slot, keys, 0);
                each(
                        at(slot, keys, from),
                        (to - from) * rowBytes,
                        (source, done) -> part.each(
                                target + done,
                                source.bytes(),
                                (chunk, copied) ->
                                        memory.accelerator().copy(source.slice(copied, chunk.bytes()), chunk)));
            }
        }
        return part;
    }

    /** The parts of chunks that hold so many bytes from an offset on; chunks that lie side by side count as one. */
    private void each(long at, long bytes, Other other) {
        for (long done = 0; done < bytes; ) {
            int first = (int) ((at + done) / memory.chunkBytes());
            long offset = (at + done) % memory.chunkBytes();
            long count = Math.min(bytes - done, adjacent(first, offset + bytes - done) - offset);
            other.copy(new DeviceSlice(chunks[first].address() + offset, count), done);
            done += count;
        }
    }

    /** Bytes of the chunks from one on that lie side by side, no more of them than so many bytes need. */
    private long adjacent(int first, long bytes) {
        int next = first + 1;
        while ((long) (next - first) * memory.chunkBytes() < bytes && memory.together(chunks[next - 1], chunks[next])) {
            next++;
        }
        return (long) (next - first) * memory.chunkBytes();
    }

    private long at(int slot, boolean keys, int row) {
        return ((2L * slot + (keys ? 0 : 1)) * rows + row) * rowBytes;
    }
}
