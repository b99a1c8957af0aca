package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.Tensor;
import dev.slayer.surgery.recipe.RecipeTensors;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Element types of the device that files have too, and numbers in them. */
final class Narrow {
    private Narrow() {}

    static DType dtype(ElementType type) {
        return switch (type) {
            case FLOAT -> DType.F32;
            case FLOAT16 -> DType.F16;
            case BFLOAT16 -> DType.BF16;
            case UINT8, INT8, INT32, INT64, BOOL, DOUBLE, FLOAT8E4M3FN ->
                throw new IllegalArgumentException(type + " is no type of weights; allowed: FLOAT, FLOAT16, BFLOAT16");
        };
    }

    static ElementType element(DType dtype) {
        return switch (dtype) {
            case F32 -> ElementType.FLOAT;
            case F16 -> ElementType.FLOAT16;
            case BF16 -> ElementType.BFLOAT16;
        };
    }

    /** Rounds float32 numbers to the nearest of a type, of two equally near to the even one. */
    static MemorySegment floats(MemorySegment values, ElementType type, Arena arena) {
        long count = values.byteSize() / Float.BYTES;
        Float32Source source = new Tensor("scales", DType.F32, List.of(count), values);
        return RecipeTensors.copy("scales", source, dtype(type), arena).data();
    }

    /** A number in a type, as bits. */
    static void set(MemorySegment target, long index, ElementType type, float value) {
        switch (dtype(type)) {
            case F32 -> target.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
            case F16 -> target.setAtIndex(ValueLayout.JAVA_SHORT, index, Float.floatToFloat16(value));
            case BF16 -> target.setAtIndex(ValueLayout.JAVA_SHORT, index, bfloat16(value));
        }
    }

    private static short bfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        int half = 0x7fff + ((bits >>> 16) & 1);
        return (short) ((bits + half) >>> 16);
    }
}
