package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.recipe.Trim;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * TIES: differences trimmed to their largest entries, a sign elected for each entry, the weighted mean of those with that sign added.
 *
 * @param weights of each layer but the first
 * @param trims of their differences
 */
record QueuedElection(List<Float> weights, List<Trim> trims) implements QueuedMerge {
    /** Numbers of a donor. */
    private static final int NUMBERS = 4;

    /** Empty if differences cannot be trimmed here. */
    static Optional<QueuedMerge> of(QueuedTensor tensor, List<Recipe.Donor> donors) {
        List<Trim> trims = new ArrayList<>();
        for (Recipe.Donor donor : donors) {
            Optional<Trim> trim = QueuedTrim.of(tensor, trims.size() + 1, donor.density());
            if (trim.isEmpty()) {
                return Optional.empty();
            }
            trims.add(trim.get());
        }
        return Optional.of(new QueuedElection(QueuedMerge.weights(donors), trims));
    }

    @Override
    public void put(QueuedTensor tensor, DeviceSlice target) {
        RecipeRoom room = tensor.room();
        List<DeviceSlice> numbers = tensor.numbers(numbers(room.piece()));
        Running sum = room.running(0);
        Running agreeing = room.running(1);
        Running agreed = room.running(2);
        tensor.pieces(piece -> {
            sum.begin(numbers.getLast());
            for (int donor = 0; donor < weights.size(); donor++) {
                List<DeviceSlice> in = inputs(tensor, piece, donor, numbers, sum.value());
                tensor.run(RecipeStep.ADDED_TRIMMED, in, List.of(sum.next(piece.count())));
            }
            agreeing.begin(none(numbers));
            agreed.begin(none(numbers));
            for (int donor = 0; donor < weights.size(); donor++) {
                List<DeviceSlice> in =
                        inputs(tensor, piece, donor, numbers, agreeing.value(), agreed.value(), sum.value());
                List<DeviceSlice> out = List.of(agreeing.next(piece.count()), agreed.next(piece.count()));
                tensor.run(RecipeStep.ADDED_AGREEING, in, out);
            }
            List<DeviceSlice> in = List.of(sum.value(), agreeing.value(), agreed.value(), tensor.in(0, piece));
            tensor.run(RecipeStep.ELECTED, in, List.of(tensor.of(target, piece)));
        });
    }

    /** Four for each donor, then what stands for all places, for none, and what sums begin with. */
    private List<Float> numbers(int piece) {
        List<Float> numbers = new ArrayList<>();
        for (int donor = 0; donor < weights.size(); donor++) {
            Trim trim = trims.get(donor);
            numbers.add(weights.get(donor));
            numbers.add((float) (trim.before() % piece));
            numbers.add(Float.intBitsToFloat(trim.threshold()));
            numbers.add(Float.intBitsToFloat(trim.threshold() + 1));
        }
        numbers.add((float) piece);
        numbers.add(0f);
        numbers.add(NOTHING);
        return numbers;
    }

    private static DeviceSlice none(List<DeviceSlice> numbers) {
        return numbers.get(numbers.size() - 2);
    }

    private List<DeviceSlice> inputs(
            QueuedTensor tensor,
            QueuedTensor.Piece piece,
            int donor,
            List<DeviceSlice> numbers,
            DeviceSlice... running) {
        List<DeviceSlice> in = new ArrayList<>(List.of(running));
        List<DeviceSlice> own = numbers.subList(NUMBERS * donor, NUMBERS * donor + NUMBERS);
        in.add(tensor.in(0, piece));
        in.add(tensor.in(donor + 1, piece));
        in.add(own.getFirst());
        in.add(tensor.room().places().slice(0, piece.count() * Float.BYTES));
        long before = trims.get(donor).before();
        if (before >= piece.end()) {
            in.add(numbers.get(numbers.size() - 3));
        } else {
            in.add(before > piece.first() ? own.get(1) : none(numbers));
        }
        in.addAll(own.subList(2, NUMBERS));
        return in;
    }
}
