package dev.slayer.training.data;

/** Reproducible random numbers: SplitMix64 (Steele, Lea and Flood, 2014), begun at a place that several numbers name. */
final class Draws {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private long state;

    Draws(long... names) {
        long mixed = 0;
        for (long name : names) {
            mixed = mix(mixed + GOLDEN + name);
        }
        state = mixed;
    }

    /** An integer from 0 to bound - 1. The bias of the remainder is below 2^-31. */
    int below(int bound) {
        state += GOLDEN;
        return (int) Long.remainderUnsigned(mix(state), bound);
    }

    /** A permutation of 0 to n - 1. */
    int[] permutation(int n) {
        int[] order = new int[n];
        for (int i = 0; i < n; i++) {
            int j = below(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }

    static long hash(long start, String text) {
        long hash = mix(start + GOLDEN + text.length());
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001B3L;
        }
        return mix(hash);
    }

    /** A hash as a fraction, 0 inclusive to 1 exclusive. */
    static double fraction(long hash) {
        return (hash >>> 11) * 0x1.0p-53;
    }

    private static long mix(long value) {
        long z = value;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
