package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/**
 * A tensor that follows entry by entry from others, not yet computed. What it gives does not depend on how it is read.
 *
 * @param shape of it and of its inputs
 * @param dtype element type that every number is rounded to
 */
record Derived(List<? extends Float32Source> inputs, Merge merge, List<Long> shape, DType dtype)
        implements Float32Source {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    @Override
    public long elements() {
        return inputs.getFirst().elements();
    }

    @Override
    public void toFloat32(long from, MemorySegment target) {
        long total = target.byteSize() / Float.BYTES;
        Objects.checkFromIndexSize(from, total, elements());
        int piece = (int) Math.min(Parts.PIECE, total);
        float[][] values = new float[inputs.size()][piece];
        float[] merged = new float[piece];
        for (long done = 0; done < total; done += piece) {
            int count = (int) Math.min(piece, total - done);
            for (int input = 0; input < values.length; input++) {
                MemorySegment heap = MemorySegment.ofArray(values[input]).asSlice(0, (long) count * Float.BYTES);
                inputs.get(input).toFloat32(from + done, heap);
            }
            merge.apply(from + done, values, count, merged);
            Rounding.round(merged, count, dtype);
            MemorySegment.copy(merged, 0, target, FLOAT, done * Float.BYTES, count);
        }
    }

    /** All of it, in its element type. Works on all threads of the common pool if the arena may be used by several. */
    Tensor compute(String name, Arena arena) {
        Parts parts = new Parts(inputs);
        MemorySegment out = arena.allocate(parts.elements() * dtype.bytes(), Float.BYTES);
        boolean parallel = out.isAccessibleBy(Thread.ofVirtual().unstarted(() -> {}));
        (parallel ? parts.all() : parts.all().sequential()).forEach(part -> {
            float[] merged = new float[Parts.PIECE];
            parts.read(part, (first, values, count) -> {
                merge.apply(first, values, count, merged);
                Rounding.write(merged, count, dtype, out, first);
            });
        });
        return new Tensor(name, dtype, shape, out.asReadOnly());
    }
}
