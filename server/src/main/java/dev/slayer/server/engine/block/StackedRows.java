package dev.slayer.server.engine.block;

import dev.slayer.surgery.checkpoint.Float32Source;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Matrices below one another, read by rows: queries, keys and values of a layer as one matrix. Thread-safe.
 *
 * @param parts [out_i, in]
 */
public record StackedRows(List<Float32Source> parts) {
    private static final int ROWS = 64; // that one core takes at a time

    public StackedRows {
        parts = List.copyOf(parts);
    }

    /** Rows of all parts. */
    public int count() {
        return Math.toIntExact(
                parts.stream().mapToLong(part -> part.shape().getFirst()).sum());
    }

    /** Columns of every part. */
    public int columns() {
        return Math.toIntExact(parts.getFirst().shape().getLast());
    }

    /**
     * Reads rows.
     *
     * @param from the first
     * @param target [rows, columns]; its length decides how many
     */
    public void read(int from, MemorySegment target) {
        long first = (long) from * columns();
        long left = target.byteSize() / Float.BYTES;
        long at = 0;
        for (Float32Source part : parts) {
            long count = Math.min(part.elements() - first, left);
            if (count > 0) {
                part.toFloat32(first, target.asSlice(at, count * Float.BYTES));
                at += count * Float.BYTES;
                left -= count;
                first = 0;
            } else {
                first -= Math.min(first, part.elements());
            }
        }
    }

    /** Reads all rows into memory of just that size, on all cores. */
    public void readAll(MemorySegment target) {
        long rowBytes = (long) columns() * Float.BYTES;
        byParts((from, rows) -> read(from, target.asSlice(from * rowBytes, rows * rowBytes)));
    }

    /** Some rows. */
    @FunctionalInterface
    public interface Work {
        /** Does it for rows from one on. */
        void on(int from, int rows);
    }

    /** Has work done for all rows, some at a time, on all cores. */
    public void byParts(Work work) {
        int rows = count();
        IntStream.range(0, (rows + ROWS - 1) / ROWS)
                .parallel()
                .forEach(part -> work.on(part * ROWS, Math.min(ROWS, rows - part * ROWS)));
    }
}
