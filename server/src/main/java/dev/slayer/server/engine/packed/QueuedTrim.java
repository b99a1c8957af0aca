package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.surgery.recipe.Trim;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Finds the largest differences of one layer's tensor from the first's, without sorting: bits of float32 numbers are ordered as their
 * magnitudes are, so the least that is kept is found bit by bit, by counting 31 times how many are smaller.
 */
final class QueuedTrim {
    private static final int INFINITE = Float.floatToIntBits(Float.POSITIVE_INFINITY);

    private final QueuedTensor tensor;
    private final int input;

    private QueuedTrim(QueuedTensor tensor, int input) {
        this.tensor = tensor;
        this.input = input;
    }

    /**
     * The same choice as the host's.
     *
     * @param input the layer's place
     * @return empty if a difference is infinite or not a number, whose order no comparison gives
     */
    static Optional<Trim> of(QueuedTensor tensor, int input, BigDecimal density) {
        long elements = tensor.elements();
        long kept = Trim.kept(density, elements);
        return kept == elements ? Optional.of(new Trim(0, elements)) : new QueuedTrim(tensor, input).keep(kept);
    }

    private Optional<Trim> keep(long kept) {
        long elements = tensor.elements();
        if (sum(smaller(INFINITE)) < elements) {
            return Optional.empty();
        }
        int least = 0;
        int above = INFINITE;
        while (above - least > 1) {
            int middle = (least + above) >>> 1;
            if (elements - sum(smaller(middle)) >= kept) {
                least = middle;
            } else {
                above = middle;
            }
        }
        double[] notAbove = smaller(above);
        return Optional.of(new Trim(least, before(least, notAbove, kept - (elements - sum(notAbove)))));
    }

    /** How many magnitudes of each span are smaller than the one with these bits. */
    private double[] smaller(int bits) {
        List<DeviceSlice> limit = tensor.numbers(List.of(Float.intBitsToFloat(bits)));
        return tensor.sums(RecipeStep.SMALLER, List.of(0, input), limit, 1)[0];
    }

    private static long sum(double... counts) {
        return (long) Arrays.stream(counts).sum();
    }

    /**
     * The index after that of the last entry of the least magnitude that is kept.
     *
     * @param notAbove entries of each span that are not above it
     * @param kept how many of just that magnitude are kept
     */
    private long before(int least, double[] notAbove, long kept) {
        double[] below = smaller(least);
        long left = kept;
        int span = 0;
        while (left > (long) (notAbove[span] - below[span])) {
            left -= (long) (notAbove[span] - below[span]);
            span++;
        }
        long first = (long) span * QueuedTensor.SPAN;
        var piece = new QueuedTensor.Piece(first, Math.min(QueuedTensor.SPAN, tensor.elements() - first));
        float[] base = tensor.floats(0, piece);
        float[] values = tensor.floats(input, piece);
        int at = -1;
        while (left > 0) {
            at++;
            left -= Trim.magnitude(values[at] - base[at]) == least ? 1 : 0;
        }
        return first + at + 1;
    }
}
