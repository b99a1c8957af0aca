package dev.slayer.surgery.recipe;

import dev.slayer.surgery.checkpoint.Float32Source;
import java.math.BigDecimal;
import java.util.List;

/**
 * Which entries of a difference are among the largest by magnitude. Of those that are just large enough, the first are kept, so
 * that the number is exact and the choice the same every time.
 *
 * @param threshold bits of the least magnitude that is kept
 * @param before entries of exactly that magnitude are kept if their index is below this
 */
public record Trim(int threshold, long before) {
    private static final int LOW_BITS = 16;

    /**
     * How many entries are kept.
     *
     * @param density part of them
     * @return its product with their number rounded down, but at least one
     */
    public static long kept(BigDecimal density, long elements) {
        return Math.clamp(density.multiply(BigDecimal.valueOf(elements)).longValue(), 1, elements);
    }

    /** Bits of a difference's magnitude; as integers they are ordered as the magnitudes are, with NaN above all. */
    public static int magnitude(float difference) {
        return Float.floatToRawIntBits(difference) & 0x7FFF_FFFF;
    }

    /**
     * Finds the threshold by counting the upper, then the lower halves of magnitudes.
     *
     * @param density part of the entries that is kept
     */
    static Trim of(Float32Source base, Float32Source donor, BigDecimal density) {
        Parts parts = new Parts(List.of(base, donor));
        long keep = kept(density, parts.elements());
        long[] upper = counts(parts, 1 << 15, bits -> bits >>> LOW_BITS);
        int high = top(upper, keep);
        keep -= above(upper, high);
        long[] lower = counts(parts, 1 << LOW_BITS, bits -> bits >>> LOW_BITS == high ? bits & 0xFFFF : -1);
        int low = top(lower, keep);
        keep -= above(lower, low);
        int threshold = (high << LOW_BITS) | low;
        return new Trim(threshold, before(parts, threshold, keep));
    }

    /** Where a magnitude is counted; negative is nowhere. */
    @FunctionalInterface
    private interface Bin {
        int of(int magnitude);
    }

    private static long[] counts(Parts parts, int bins, Bin bin) {
        long[] total = new long[bins];
        parts.all().forEach(part -> {
            int[] counted = new int[bins];
            parts.read(part, (_, values, count) -> {
                for (int i = 0; i < count; i++) {
                    int at = bin.of(magnitude(values[1][i] - values[0][i]));
                    if (at >= 0) {
                        counted[at]++;
                    }
                }
            });
            synchronized (total) {
                for (int i = 0; i < bins; i++) {
                    total[i] += counted[i];
                }
            }
        });
        return total;
    }

    /** The bin in which the number that is kept, counted from above, is reached. */
    private static int top(long[] counts, long keep) {
        int bin = counts.length - 1;
        for (long left = keep - counts[bin]; left > 0; left -= counts[bin]) {
            bin--;
        }
        return bin;
    }

    private static long above(long[] counts, int bin) {
        long sum = 0;
        for (int i = bin + 1; i < counts.length; i++) {
            sum += counts[i];
        }
        return sum;
    }

    /** The index after that of the last entry of the threshold's magnitude that is kept. */
    private static long before(Parts parts, int threshold, long keep) {
        long[] equal = parts.all()
                .mapToLong(part -> {
                    long[] found = new long[1];
                    parts.read(part, (_, values, count) -> {
                        for (int i = 0; i < count; i++) {
                            found[0] += magnitude(values[1][i] - values[0][i]) == threshold ? 1 : 0;
                        }
                    });
                    return found[0];
                })
                .toArray();
        int part = 0;
        long left = keep;
        while (left > equal[part]) {
            left -= equal[part++];
        }
        long[] state = {left, 0};
        parts.read(part, (first, values, count) -> {
            for (int i = 0; i < count && state[0] > 0; i++) {
                if (magnitude(values[1][i] - values[0][i]) == threshold) {
                    state[0]--;
                    state[1] = first + i + 1;
                }
            }
        });
        return state[1];
    }

    /** Sets to zero what is not kept. */
    void apply(long first, float[] differences, int count) {
        for (int i = 0; i < count; i++) {
            int magnitude = magnitude(differences[i]);
            if (magnitude < threshold || (magnitude == threshold && first + i >= before)) {
                differences[i] = 0;
            }
        }
    }
}
