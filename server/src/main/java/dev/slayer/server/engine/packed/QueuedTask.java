package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import java.util.ArrayList;
import java.util.List;

/**
 * Task arithmetic: the first layer's tensor plus the weighted differences of the others from it.
 *
 * @param weights of the others
 */
record QueuedTask(List<Float> weights) implements QueuedMerge {
    @Override
    public void put(QueuedTensor tensor, DeviceSlice target) {
        List<Float> values = new ArrayList<>(weights);
        values.add(NOTHING);
        List<DeviceSlice> numbers = tensor.numbers(values);
        Running sum = tensor.room().running(0);
        tensor.pieces(piece -> {
            DeviceSlice base = tensor.in(0, piece);
            sum.begin(numbers.getLast());
            for (int donor = 0; donor < weights.size(); donor++) {
                List<DeviceSlice> in = List.of(sum.value(), base, tensor.in(donor + 1, piece), numbers.get(donor));
                tensor.run(RecipeStep.ADDED_DIFFERENCE, in, List.of(sum.next(piece.count())));
            }
            tensor.run(RecipeStep.ON_BASE, List.of(sum.value(), base), List.of(tensor.of(target, piece)));
        });
    }
}
