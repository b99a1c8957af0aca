package dev.slayer.server.cli.bench;

import java.util.Arrays;

/** The middle one of sorted numbers; the mean of the middle two where their count is even. */
public final class Median {
    private Median() {}

    /** The median. @throws IllegalArgumentException if there are no numbers */
    public static double of(double[] numbers) {
        if (numbers.length == 0) {
            throw new IllegalArgumentException("there is no median of no numbers");
        }
        double[] sorted = numbers.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
