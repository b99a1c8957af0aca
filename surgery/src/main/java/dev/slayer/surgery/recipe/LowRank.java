package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * A matrix with a change of low rank: {@code W + scale * B * diag(E) * A}, as LoRA (Hu et al., 2021) and AdaLoRA (Zhang et al., 2023)
 * train it.
 *
 * @param down A: [rank, in]
 * @param up B: [out, rank]
 * @param diagonal E: [rank]; absent is all ones
 * @param scale factor of the product, alpha divided by the rank
 */
public record LowRank(Tensor down, Tensor up, Optional<Tensor> diagonal, float scale) {
    /**
     * The sum, computed in float32 while it is read and rounded once. The products of an entry are added to W in the order of the
     * ranks, so that the result does not depend on how it is read.
     *
     * @param base W: [out, in]
     * @param dtype what every number is rounded to
     */
    public Float32Source addTo(Float32Source base, DType dtype) {
        int rank = Math.toIntExact(down.shape().getFirst());
        int in = Math.toIntExact(down.shape().getLast());
        float[] a = floats(down);
        float[] b = floats(up);
        float[] factors = new float[rank];
        float[] e = diagonal.map(LowRank::floats).orElse(null);
        for (int r = 0; r < rank; r++) {
            factors[r] = e == null ? scale : scale * e[r];
        }
        return new Derived(List.of(base), merge(a, b, factors, in), base.shape(), dtype);
    }

    private static Merge merge(float[] a, float[] b, float[] factors, int in) {
        return (first, inputs, count, out) -> {
            System.arraycopy(inputs[0], 0, out, 0, count);
            for (int at = 0; at < count; ) {
                int row = Math.toIntExact((first + at) / in);
                int column = (int) ((first + at) % in);
                int length = Math.min(in - column, count - at);
                for (int r = 0; r < factors.length; r++) {
                    add(out, at, b[row * factors.length + r] * factors[r], a, r * in + column, length);
                }
                at += length;
            }
        };
    }

    private static void add(float[] out, int at, float factor, float[] a, int from, int length) {
        for (int i = 0; i < length; i++) {
            out[at + i] += factor * a[from + i];
        }
    }

    private static float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        tensor.toFloat32(0, MemorySegment.ofArray(values));
        return values;
    }
}
