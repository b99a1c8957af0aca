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
public record Tensor(String name, DType dtype, List<Long> shape, MemorySegment data) {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    public Tensor {
        Objects.requireNonNull(name);
        Objects.requireNonNull(dtype);
        shape = List.copyOf(shape);
        Objects.requireNonNull(data);
    }

    /** Number of elements. */
    public long elements() {
        return data.byteSize() / dtype.bytes();
    }

    /**
     * Converts elements to float32.
     *
     * @param from index of the first element
     * @param target where to write; its length decides how many elements are read; 4-byte aligned native or heap segment
     * @throws SlayerException if the file became shorter since it was mapped
     */
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
        switch (dtype) {
            case F32 -> MemorySegment.copy(data, INT, from * 4, target, ValueLayout.JAVA_INT_UNALIGNED, 0, count);
            case BF16 -> {
                for (long i = 0; i < count; i++) {
                    target.set(INT, i * 4, data.get(SHORT, (from + i) * 2) << 16);
                }
            }
            case F16 -> {
                for (long i = 0; i < count; i++) {
                    float value = Float.float16ToFloat(data.get(SHORT, (from + i) * 2));
                    target.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, value);
                }
            }
        }
    }
}
