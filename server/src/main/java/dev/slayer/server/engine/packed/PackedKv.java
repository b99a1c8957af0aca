package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.Kv;
import dev.slayer.server.engine.PrefixPiece;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** KV of a sequence in pages: each slot that attends has a list of its own. */
final class PackedKv implements Kv {
    private final PagePool pool;
    private final PageShape shape;
    private final int slots;
    private int[][] pages;
    private int pagesEach;

    /** An empty cache; pages come with {@link #reserve}. */
    PackedKv(PagePool pool, PageShape shape, int slots) {
        this.pool = pool;
        this.shape = shape;
        this.slots = slots;
        this.pages = new int[slots][0];
    }

    /** Bytes that a cache of so many rows holds. */
    static long bytes(PageShape shape, int slots, int rows) {
        return 2L * slots * shape.pages(rows) * shape.bytes();
    }

    @Override
    public boolean reserve(int rows, int used) {
        int wanted = shape.pages(rows);
        if (wanted <= pagesEach) {
            return true;
        }
        int more = wanted - pagesEach;
        int[] taken = pool.take(shape, Math.multiplyExact(more, slots));
        if (taken == null) {
            return false;
        }
        int[][] longer = new int[slots][wanted];
        for (int slot = 0; slot < slots; slot++) {
            System.arraycopy(pages[slot], 0, longer[slot], 0, pagesEach);
            System.arraycopy(taken, slot * more, longer[slot], pagesEach, more);
        }
        pages = longer;
        pagesEach = wanted;
        return true;
    }

    @Override
    public int capacity() {
        return pagesEach * shape.rows();
    }

    /** Number of a page of a slot. */
    int page(int slot, int index) {
        return pages[slot][index];
    }

    /** Writes the numbers of the first pages of a slot as int32 from an index on. */
    void copyPages(int slot, int count, MemorySegment table, long at) {
        MemorySegment.copy(pages[slot], 0, table, ValueLayout.JAVA_INT, at * Integer.BYTES, count);
    }

    @Override
    public long keptBytes(int slotCount, int rows) {
        return pool.prefixes().rounded(2L * slotCount * rows * shape.rowBytes());
    }

    @Override
    public PrefixPiece copyOut(int firstSlot, int slotCount, int from, int rows) {
        PackedPrefixPiece piece = new PackedPrefixPiece(pool.prefixes(), slotCount, rows, shape.rowBytes());
        for (int slot = 0; slot < slotCount; slot++) {
            int there = slot;
            eachRun(
                    firstSlot + slot,
                    from,
                    rows,
                    (keys, page, row, count, done) ->
                            piece.write(there, keys, done, pool.rows(shape, keys, page, row, count)));
        }
        return piece;
    }

    @Override
    public void copyIn(PrefixPiece source, int sourceSlot, int firstSlot, int slotCount, int at, int rows) {
        PackedPrefixPiece piece = (PackedPrefixPiece) source;
        for (int slot = 0; slot < slotCount; slot++) {
            int there = sourceSlot + slot;
            eachRun(
                    firstSlot + slot,
                    at,
                    rows,
                    (keys, page, row, count, done) ->
                            piece.read(there, keys, done, pool.rows(shape, keys, page, row, count)));
        }
    }

    /** Rows of one page, or of several that lie side by side. */
    @FunctionalInterface
    private interface Run {
        void on(boolean keys, int page, int row, int count, int done);
    }

    private void eachRun(int slot, int from, int rows, Run run) {
        for (int done = 0; done < rows; ) {
            int row = (from + done) % shape.rows();
            int first = (from + done) / shape.rows();
            int page = pages[slot][first];
            int next = first + 1;
            while ((next - first) * shape.rows() < row + rows - done && pages[slot][next] == page + next - first) {
                next++;
            }
            int count = Math.min(rows - done, (next - first) * shape.rows() - row);
            run.on(true, page, row, count, done);
            run.on(false, page, row, count, done);
            done += count;
        }
    }

    @Override
    public void close() {
        for (int[] ofSlot : pages) {
            pool.giveBack(shape, ofSlot);
        }
        pages = new int[slots][0];
        pagesEach = 0;
    }
}
