package dev.slayer.server.engine;

import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Slot;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Keys and values of one sequence: for each slot that attends a pair of float32 matrices [kvHeads, capacity, headDim] that attention reads
 * and extends in place. The engine's thread only; owned by the sequence.
 *
 * <p>Capacity grows by doubling, so a short sequence in a long context holds little; growing copies the rows in use.
 */
public final class KvCache implements Kv {
    private static final int LEAST_ROWS = 64;

    private final KvPool pool;
    private final int slots;
    private final int kvHeads;
    private final int headDim;
    private final int mostRows;
    private KvPool.Piece piece;
    private int capacity;

    /**
     * An empty cache; memory comes with {@link #reserve}.
     *
     * @param mostRows the context length: capacity never exceeds it
     */
    public KvCache(KvPool pool, int slots, int kvHeads, int headDim, int mostRows) {
        this.pool = pool;
        this.slots = slots;
        this.kvHeads = kvHeads;
        this.headDim = headDim;
        this.mostRows = mostRows;
    }

    /** An empty cache of a sequence of a layout, which is no longer than the model's context. */
    public static KvCache of(KvPool pool, ModelConfig config, Layout layout) {
        return new KvCache(pool, slotsOf(layout), config.kvHeads(), config.headDim(), config.contextLength());
    }

    /** Bytes that a row of a layout takes. */
    public static long rowBytes(ModelConfig config, Layout layout) {
        return bytes(slotsOf(layout), config.kvHeads(), config.headDim(), 1, 1);
    }

    /** Most bytes that the cache of a layout's sequence holds while it grows to so many rows. */
    public static long peakBytes(ModelConfig config, Layout layout, int rows) {
        return peakBytes(slotsOf(layout), config.kvHeads(), config.headDim(), config.contextLength(), rows);
    }

    /** Slots of a layout that attend: the others have nothing to keep. */
    public static int slotsOf(Layout layout) {
        return (int) layout.slots().stream().filter(KvCache::attends).count();
    }

    /** Whether a slot has keys and values. */
    public static boolean attends(Slot slot) {
        return !slot.silent() && slot.gates().attention();
    }

    /** Bytes that a cache of so many rows holds. */
    static long bytes(int slots, int kvHeads, int headDim, int mostRows, int rows) {
        return 2L * slots * kvHeads * capacityFor(rows, mostRows) * headDim * Float.BYTES;
    }

    /** Most bytes that a cache holds while it grows to so many rows: the last growth has the old memory and the new. */
    static long peakBytes(int slots, int kvHeads, int headDim, int mostRows, int rows) {
        long last = bytes(slots, kvHeads, headDim, mostRows, rows);
        int before = capacityFor(rows, mostRows) / 2;
        return before < LEAST_ROWS ? last : last + bytes(slots, kvHeads, headDim, mostRows, before);
    }

    @Override
    public boolean reserve(int rows, int used) {
        if (rows <= capacity) {
            return true;
        }
        int wanted = capacityFor(rows, mostRows);
        KvPool.Piece bigger = pool.take(bytes(slots, kvHeads, headDim, mostRows, rows));
        if (bigger == null) {
            return false;
        }
        if (piece != null) {
            copy(piece.memory(), capacity, bigger.memory(), wanted, used);
            pool.giveBack(piece);
        }
        piece = bigger;
        capacity = wanted;
        return true;
    }

    @Override
    public int capacity() {
        return capacity;
    }

    /** Keys of a slot, counted among those that attend: [kvHeads, capacity, headDim]. */
    public MemorySegment keys(int slot) {
        return matrix(2 * slot);
    }

    /** Values of such a slot: [kvHeads, capacity, headDim]. */
    public MemorySegment values(int slot) {
        return matrix(2 * slot + 1);
    }

    @Override
    public long keptBytes(int slotCount, int rows) {
        return pool.prefixes().rounded(2L * slotCount * kvHeads * rows * rowBytes());
    }

    @Override
    public PrefixPiece copyOut(int firstSlot, int slotCount, int from, int rows) {
        HostPrefixPiece target = new HostPrefixPiece(pool.prefixes(), slotCount, rows, 2 * kvHeads, rowBytes());
        for (int slot = 0; slot < slotCount; slot++) {
            for (int matrix = 0; matrix < 2 * kvHeads; matrix++) {
                target.write(slot, matrix, piece.memory(), row(firstSlot + slot, matrix, from));
            }
        }
        return target;
    }

    @Override
    public void copyIn(PrefixPiece source, int sourceSlot, int firstSlot, int slotCount, int at, int rows) {
        HostPrefixPiece kept = (HostPrefixPiece) source;
        for (int slot = 0; slot < slotCount; slot++) {
            for (int matrix = 0; matrix < 2 * kvHeads; matrix++) {
                kept.read(sourceSlot + slot, matrix, rows, piece.memory(), row(firstSlot + slot, matrix, at));
            }
        }
    }

    private long row(int slot, int matrix, int row) {
        return ((2L * slot * kvHeads + matrix) * capacity + row) * rowBytes();
    }

    private long rowBytes() {
        return (long) headDim * Float.BYTES;
    }

    private void copyRows(MemorySegment from, long fromAt, MemorySegment to, long toAt, int rows) {
        MemorySegment.copy(from, ValueLayout.JAVA_BYTE, fromAt, to, ValueLayout.JAVA_BYTE, toAt, rows * rowBytes());
    }

    @Override
    public void close() {
        if (piece != null) {
            pool.giveBack(piece);
            piece = null;
            capacity = 0;
        }
    }

    private MemorySegment matrix(int index) {
        long bytes = (long) kvHeads * capacity * headDim * Float.BYTES;
        return piece.memory().asSlice(index * bytes, bytes);
    }

    private void copy(MemorySegment from, int fromCapacity, MemorySegment to, int toCapacity, int rows) {
        for (long head = 0; head < 2L * slots * kvHeads; head++) {
            copyRows(from, head * fromCapacity * rowBytes(), to, head * toCapacity * rowBytes(), rows);
        }
    }

    private static int capacityFor(int rows, int mostRows) {
        int capacity = LEAST_ROWS;
        while (capacity < rows) {
            capacity *= 2;
        }
        return Math.max(rows, Math.min(capacity, mostRows));
    }
}
