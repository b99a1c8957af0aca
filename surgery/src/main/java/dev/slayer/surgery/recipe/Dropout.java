package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.layout.Recipe;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;

/**
 * DARE: differences from the base are dropped at random, and those that stay are made larger for it (Yu et al., 2023).
 *
 * <p>Whether an entry stays is a function of the seed, the base's layer number, the donor's place in the recipe, the tensor's name and
 * the entry alone: the output of SplitMix64 (Steele, Lea and Flood, 2014) at that place of its sequence.
 */
final class Dropout {
    private static final long GAMMA = 0x9E37_79B9_7F4A_7C15L;
    private static final int RANDOM_BITS = 53;

    private Dropout() {}

    /** The merge of the base and the donors after it. */
    static Merge merge(Recipe.Dare recipe, LayerTensor tensor) {
        List<Recipe.Donor> donors = recipe.donors();
        int number = donors.size();
        float[] factors = new float[number];
        long[] limits = new long[number];
        long[] keys = new long[number];
        long layer = mix(mix(recipe.seed()) + recipe.base().layer());
        for (int donor = 0; donor < number; donor++) {
            Recipe.Donor from = donors.get(donor);
            factors[donor] =
                    (float) (from.weight().doubleValue() / from.density().doubleValue());
            limits[donor] = limit(from.density());
            keys[donor] = mix(mix(layer + donor) + tensor.suffix().hashCode());
        }
        return (first, inputs, count, out) -> {
            Arrays.fill(out, 0, count, 0);
            for (int donor = 0; donor < number; donor++) {
                add(out, factors[donor], keys[donor], limits[donor], first, inputs[0], inputs[donor + 1], count);
            }
            for (int i = 0; i < count; i++) {
                out[i] += inputs[0][i];
            }
        };
    }

    private static void add(
            float[] out, float factor, long key, long limit, long first, float[] base, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            if (random(key, first + i) < limit) {
                out[i] += factor * (values[i] - base[i]);
            }
        }
    }

    /** How many of the 2^53 random numbers keep an entry. */
    static long limit(BigDecimal density) {
        return density.multiply(BigDecimal.valueOf(1L << RANDOM_BITS)).longValue();
    }

    /** Uniform over 0 to 2^53 - 1. */
    static long random(long key, long entry) {
        return mix(key + (entry + 1) * GAMMA) >>> (Long.SIZE - RANDOM_BITS);
    }

    /** SplitMix64's mixing function. */
    private static long mix(long state) {
        long z = (state ^ (state >>> 30)) * 0xBF58_476D_1CE4_E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D0_49BB_1331_11EBL;
        return z ^ (z >>> 31);
    }
}
