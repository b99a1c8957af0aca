package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Writes float32 numbers as another element type: to the nearest, and of two equally near to the even one. */
final class Rounding {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private Rounding() {}

    /**
     * Writes numbers.
     *
     * @param first index in the target of the first
     */
    static void write(float[] values, int count, DType dtype, MemorySegment target, long first) {
        switch (dtype) {
            case F32 -> MemorySegment.copy(values, 0, target, FLOAT, first * Float.BYTES, count);
            case BF16 -> {
                short[] halves = new short[count];
                for (int i = 0; i < count; i++) {
                    halves[i] = toBfloat16(values[i]);
                }
                MemorySegment.copy(halves, 0, target, SHORT, first * Short.BYTES, count);
            }
            case F16 -> {
                short[] halves = new short[count];
                for (int i = 0; i < count; i++) {
                    halves[i] = Float.floatToFloat16(values[i]);
                }
                MemorySegment.copy(halves, 0, target, SHORT, first * Short.BYTES, count);
            }
        }
    }

    /** Rounds numbers as {@link #write} does, but leaves them float32. */
    static void round(float[] values, int count, DType dtype) {
        switch (dtype) {
            case F32 -> {}
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    values[i] = Float.intBitsToFloat(toBfloat16(values[i]) << 16);
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    values[i] = Float.float16ToFloat(Float.floatToFloat16(values[i]));
                }
            }
        }
    }

    /** The upper half of a float32, rounded; a number too large becomes infinite, NaN stays NaN. */
    static short toBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int rounded = (bits + 0x7FFF + ((bits >>> 16) & 1)) >>> 16;
        // Rounding could carry a NaN's payload into the sign; it is made quiet instead.
        return (short) ((bits & 0x7FFF_FFFF) > 0x7F80_0000 ? (bits >>> 16) | 0x40 : rounded);
    }
}
