package dev.slayer.surgery.checkpoint;

import dev.slayer.surgery.SlayerException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;

/**
 * A tensor of a checkpoint: a read-only view of the mapped file.
 *
 * @param name as in the file, for example {@code model.layers.0.mlp.up_proj.weight}
 * @param dtype element type
 * @param shape dimensions, row-major; Hugging Face stores matrices as [out, in]
 * @param data little-endian elements; length = product of shape times bytes of dtype; valid while the checkpoint is open
 */
public record Tensor(String name, DType dtype, List<Long> shape, MemorySegment data) implements Float32Source {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;
    /** Elements that are converted at a time: their arrays stay in the processor's nearest caches. */
    private static final int PIECE = 4096;

    public Tensor {
        Objects.requireNonNull(name);
        Objects.requireNonNull(dtype);
        shape = List.copyOf(shape);
        Objects.requireNonNull(data);
    }

    @Override
    public long elements() {
        return data.byteSize() / dtype.bytes();
    }

    @Override
    public void toFloat32(long from, MemorySegment target) {
        long count = target.byteSize() / Float.BYTES;
        Objects.checkFromIndexSize(from, count, elements());
        try {
            convert(from, count, target);
        } catch (InternalError e) {
            // How the JVM reports that a mapped page is gone.
            throw SlayerException.internal(
                    "tensor '" + name + "' cannot be read: its file became shorter while the checkpoint was open", e);
        }
    }

    private void convert(long from, long count, MemorySegment target) {
        if (dtype == DType.F32) {
            MemorySegment.copy(data, INT, from * 4, target, INT, 0, count);
            return;
        }
        // By way of arrays: loops over them become vector instructions, loops over segments do not.
        short[] halves = new short[(int) Math.min(count, PIECE)];
        float[] floats = new float[halves.length];
        for (long at = 0; at < count; at += PIECE) {
            int length = (int) Math.min(PIECE, count - at);
            MemorySegment.copy(data, SHORT, (from + at) * 2, halves, 0, length);
            if (dtype == DType.BF16) {
                for (int i = 0; i < length; i++) {
                    floats[i] = Float.intBitsToFloat(halves[i] << 16);
                }
            } else {
                for (int i = 0; i < length; i++) {
                    floats[i] = Float.float16ToFloat(halves[i]);
                }
            }
            MemorySegment.copy(floats, 0, target, FLOAT, at * 4, length);
        }
    }
}
