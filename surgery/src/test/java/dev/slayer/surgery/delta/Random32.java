package dev.slayer.surgery.delta;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;

/** Small random numbers of a shape. */
record Random32(List<Long> shape, float[] values) implements Float32Source {
    static Random32 of(long seed, List<Long> shape) {
        return of(seed, shape, 0.05f);
    }

    static Random32 of(long seed, List<Long> shape, float spread) {
        float[] values = new float[Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact))];
        Random random = new Random(seed);
        for (int i = 0; i < values.length; i++) {
            values[i] = spread * (float) random.nextGaussian();
        }
        return new Random32(shape, values);
    }

    static float[] floats(Float32Source source) {
        float[] values = new float[Math.toIntExact(source.elements())];
        source.toFloat32(0, MemorySegment.ofArray(values));
        return values;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public long elements() {
        return values.length;
    }

    @Override
    public void toFloat32(long from, MemorySegment target) {
        MemorySegment.copy(
                values,
                Math.toIntExact(from),
                target,
                ValueLayout.JAVA_FLOAT_UNALIGNED,
                0,
                Math.toIntExact(target.byteSize() / Float.BYTES));
    }
}
