package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.LayerTensor;
import dev.slayer.surgery.layout.Recipe;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * DARE: differences of a donor from the base are dropped at random, and those that stay are made larger for it (Yu et al., 2023).
 *
 * <p>Whether an entry stays is a function of the seed, the base's layer number, the donor's place in the recipe, the tensor's name and
 * the entry alone: the output of SplitMix64 (Steele, Lea and Flood, 2014) at that place of its sequence.
 *
 * @param factor of the differences that stay: the donor's weight divided by its density
 * @param key where the sequence begins
 * @param limit random numbers below this keep an entry
 */
public record Dropout(float factor, long key, long limit) {
    private static final long GAMMA = 0x9E37_79B9_7F4A_7C15L;
    private static final int RANDOM_BITS = 53;
    private static final int PART = 1 << 13; // bytes of bits, the unit of parallel work

    /** For each donor of a recipe, what stays of its tensor. */
    public static List<Dropout> of(Recipe.Dare recipe, LayerTensor tensor) {
        List<Dropout> all = new ArrayList<>();
        long layer = mix(mix(recipe.seed()) + recipe.base().layer());
        for (Recipe.Donor from : recipe.donors()) {
            all.add(new Dropout(
                    (float) (from.weight().doubleValue() / from.density().doubleValue()),
                    mix(mix(layer + all.size()) + tensor.suffix().hashCode()),
                    limit(from.density())));
        }
        return all;
    }

    /** The merge of the base and the donors after it. */
    static Merge merge(List<Dropout> donors) {
        return (first, inputs, count, out) -> {
            Arrays.fill(out, 0, count, 0);
            for (int donor = 0; donor < donors.size(); donor++) {
                donors.get(donor).add(out, first, inputs[0], inputs[donor + 1], count);
            }
            for (int i = 0; i < count; i++) {
                out[i] += inputs[0][i];
            }
        };
    }

    private void add(float[] out, long first, float[] base, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            if (stays(first + i)) {
                out[i] += factor * (values[i] - base[i]);
            }
        }
    }

    private boolean stays(long entry) {
        return random(key, entry) < limit;
    }

    /**
     * Which entries stay, a bit for each, the first in the lowest bit of the first byte. Works on all threads of the common pool, or of
     * the pool that calls.
     *
     * @param first entry
     * @param bits for eight entries a byte; native memory that any thread may write to
     */
    public void bits(long first, MemorySegment bits) {
        int parts = Math.toIntExact((bits.byteSize() + PART - 1) / PART);
        IntStream.range(0, parts).parallel().forEach(part -> {
            long end = Math.min(bits.byteSize(), (part + 1L) * PART);
            for (long at = (long) part * PART; at < end; at++) {
                int eight = 0;
                for (int bit = 0; bit < Byte.SIZE; bit++) {
                    eight |= stays(first + at * Byte.SIZE + bit) ? 1 << bit : 0;
                }
                bits.set(ValueLayout.JAVA_BYTE, at, (byte) eight);
            }
        });
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
