package dev.slayer.surgery.recipe;

import java.util.Arrays;

/** How the entries of a derived tensor follow from those of the tensors it is made of, in float32 and entry by entry. */
@FunctionalInterface
interface Merge {
    /**
     * Computes some entries. Called by several threads at once.
     *
     * @param first index in the tensor of the first entry
     * @param inputs the same entries of each input: [inputs, at least count]
     * @param count how many entries
     * @param out where they go: [at least count]
     */
    void apply(long first, float[][] inputs, int count, float[] out);

    /** The same, times a factor. */
    default Merge times(float scale) {
        return (first, inputs, count, out) -> {
            apply(first, inputs, count, out);
            for (int i = 0; i < count; i++) {
                out[i] *= scale;
            }
        };
    }

    /** Zero, whatever the inputs are. */
    static Merge zero() {
        return (_, _, count, out) -> Arrays.fill(out, 0, count, 0);
    }

    /** The one input as it is. */
    static Merge copy() {
        return (_, inputs, count, out) -> System.arraycopy(inputs[0], 0, out, 0, count);
    }

    /** The sum of the inputs in their order, divided by their number. */
    static Merge mean() {
        return (_, inputs, count, out) -> {
            System.arraycopy(inputs[0], 0, out, 0, count);
            for (int input = 1; input < inputs.length; input++) {
                float[] values = inputs[input];
                for (int i = 0; i < count; i++) {
                    out[i] += values[i];
                }
            }
            float number = inputs.length;
            for (int i = 0; i < count; i++) {
                out[i] /= number;
            }
        };
    }

    /** The sum of the inputs times their weights, in their order. */
    static Merge linear(float... weights) {
        return (_, inputs, count, out) -> {
            float[] values = inputs[0];
            float weight = weights[0];
            for (int i = 0; i < count; i++) {
                out[i] = weight * values[i];
            }
            for (int input = 1; input < inputs.length; input++) {
                addWeighted(out, weights[input], inputs[input], count);
            }
        };
    }

    /** The first input plus the sum of the weighted differences of the others from it. */
    static Merge task(float... weights) {
        return (_, inputs, count, out) -> {
            float[] base = inputs[0];
            float[] values = inputs[1];
            float weight = weights[0];
            for (int i = 0; i < count; i++) {
                out[i] = weight * (values[i] - base[i]);
            }
            for (int donor = 1; donor < weights.length; donor++) {
                values = inputs[donor + 1];
                weight = weights[donor];
                for (int i = 0; i < count; i++) {
                    out[i] += weight * (values[i] - base[i]);
                }
            }
            for (int i = 0; i < count; i++) {
                out[i] += base[i];
            }
        };
    }

    private static void addWeighted(float[] out, float weight, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            out[i] += weight * values[i];
        }
    }
}
