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
        for (int span = 0; span < below.length; span++) {
            long equal = (long) (notAbove[span] - below[span]);
            if (left <= equal) {
                return before(least, (long) span * QueuedTensor.SPAN, left);
            }
            left -= equal;
        }
        return tensor.elements();
    }

    /** The same within the span that begins at an index. */
    private long before(int least, long first, long kept) {
        var piece = new QueuedTensor.Piece(first, Math.min(QueuedTensor.SPAN, tensor.elements() - first));
        float[] base = tensor.floats(0, piece);
        float[] values = tensor.floats(input, piece);
        long left = kept;
        for (int i = 0; i < base.length; i++) {
            left -= Trim.magnitude(values[i] - base[i]) == least ? 1 : 0;
            if (left == 0) {
                return first + i + 1;
            }
        }
        return piece.end();
    }
}
