package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** A tensor of a run; numbers that are quantized come with scales, of all or of each channel. */
record TwinTensor(MemorySegment data, long[] shape, ElementType type, TwinTensor scales) {
    TwinTensor cached(ElementType as, TwinTensor by) {
        return new TwinTensor(data, shape, as, by);
    }

    int size(int axis) {
        return (int) shape[axis];
    }

    /** Asked for each number that has a scale, so without a stream. */
    long elements() {
        long elements = 1;
        for (long dimension : shape) {
            elements = Math.multiplyExact(elements, dimension);
        }
        return elements;
    }

    int integer(long index) {
        return data.getAtIndex(JAVA_INT, index);
    }

    private float scale(long index) {
        return scales.number(index % scales.elements());
    }

    float number(long index) {
        return switch (type) {
            case FLOAT8E4M3FN -> Fp8.toFloat(data.get(JAVA_BYTE, index)) * scale(index);
            case INT8 -> data.get(JAVA_BYTE, index) * scale(index);
            default -> data.getAtIndex(JAVA_FLOAT, index);
        };
    }

    /** Writes a number. @return whether it was cut to what the type holds */
    boolean set(long index, float value) {
        switch (type) {
            case FLOAT8E4M3FN -> data.set(JAVA_BYTE, index, Fp8.of(value / scale(index)));
            case INT8 -> {
                double code = Math.rint(value / scale(index));
                data.set(JAVA_BYTE, index, (byte) Math.clamp(code, -128, 127));
                return code < -128 || code > 127;
            }
            default -> data.setAtIndex(JAVA_FLOAT, index, value);
        }
        return false;
    }

    /** What the scales must look like. */
    static TwinTensor scales(TwinTensor given, String granularity, ElementType cache, TwinTensor of) {
        List<Long> shape =
                given == null ? null : Arrays.stream(given.shape()).boxed().toList();
        List<Long> wanted = switch (granularity) {
            case "PER_TENSOR" -> List.of(1L);
            case "PER_CHANNEL" -> List.of((long) of.size(2), 1L, (long) of.size(3));
            default -> null;
        };
        if (!Objects.equals(shape, wanted) || (cache == ElementType.FLOAT) != (wanted == null)) {
            throw new IllegalArgumentException("scales " + shape + " are not " + granularity + " of " + cache);
        }
        return given;
    }
}
