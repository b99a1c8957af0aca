package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.Float32Source;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Tensors of equal length, read side by side as float32 in parts of fixed size. Parts are the units of parallel work; what a
 * part gives depends on nothing but its place, so results do not depend on the number of threads.
 *
 * @param inputs all of the same length
 * @param elements that length
 */
record Parts(List<? extends Float32Source> inputs, long elements) {
    private static final int PART = 1 << 18;
    /** Most entries of a piece. */
    static final int PIECE = 1 << 12;

    Parts(List<? extends Float32Source> inputs) {
        this(inputs, inputs.getFirst().elements());
    }

    /** Some entries of all inputs. */
    @FunctionalInterface
    interface Piece {
        /**
         * Takes a few thousand entries at a time, in their order.
         *
         * @param first index of the first entry
         * @param values of each input: [inputs, at least count]
         * @param count how many
         */
        void read(long first, float[][] values, int count);
    }

    /** Number of parts. */
    int count() {
        return Math.toIntExact((elements + PART - 1) / PART);
    }

    /** Numbers of all parts, to be worked on by several threads. */
    IntStream all() {
        return IntStream.range(0, count()).parallel();
    }

    /** Reads a part from its first entry to its last, a piece at a time. */
    void read(int part, Piece piece) {
        float[][] values = new float[inputs.size()][(int) Math.min(PIECE, elements)];
        long end = Math.min(elements, (part + 1L) * PART);
        for (long first = (long) part * PART; first < end; first += PIECE) {
            int count = (int) Math.min(PIECE, end - first);
            for (int input = 0; input < values.length; input++) {
                inputs.get(input)
                        .toFloat32(first, MemorySegment.ofArray(values[input]).asSlice(0, (long) count * Float.BYTES));
            }
            piece.read(first, values, count);
        }
    }
}
