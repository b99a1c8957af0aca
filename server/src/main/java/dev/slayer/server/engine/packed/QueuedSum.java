package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.surgery.recipe.Arc;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * The sum of the layers' tensors, each times its factor, divided: averages, ways between two layers, weighted sums.
 *
 * @param factors of the layers
 */
record QueuedSum(List<Float> factors, float divisor) implements QueuedMerge {
    static QueuedSum mean(int layers) {
        return new QueuedSum(Collections.nCopies(layers, 1f), layers);
    }

    static QueuedSum of(Arc arc) {
        return new QueuedSum(List.of(arc.first(), arc.second()), 1);
    }

    /**
     * Along the arc between the two layers' tensors. Products are exact in float64 and added up in it, in another order than on the
     * host: factors may differ by their last bit.
     */
    static QueuedSum alongArc(QueuedTensor tensor, BigDecimal t) {
        double[][] sums = tensor.sums(RecipeStep.PRODUCTS, List.of(0, 1), List.of(), 3);
        return of(Arc.between(sum(sums[0]), sum(sums[1]), sum(sums[2]), t));
    }

    private static double sum(double... spans) {
        return Arrays.stream(spans).sum();
    }

    @Override
    public void put(QueuedTensor tensor, DeviceSlice target) {
        List<Float> values = new ArrayList<>(factors);
        values.add(divisor);
        values.add(NOTHING);
        List<DeviceSlice> numbers = tensor.numbers(values);
        Running sum = tensor.room().running(0);
        tensor.pieces(piece -> {
            sum.begin(numbers.getLast());
            for (int i = 0; i < factors.size(); i++) {
                List<DeviceSlice> in = List.of(sum.value(), tensor.in(i, piece), numbers.get(i));
                tensor.run(RecipeStep.ADDED, in, List.of(sum.next(piece.count())));
            }
            List<DeviceSlice> in = List.of(sum.value(), numbers.get(factors.size()));
            tensor.run(RecipeStep.DIVIDED, in, List.of(tensor.of(target, piece)));
        });
    }
}
