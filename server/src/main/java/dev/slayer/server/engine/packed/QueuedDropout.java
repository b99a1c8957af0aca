package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.surgery.recipe.Dropout;
import java.util.List;
import java.util.stream.Stream;

/**
 * DARE: which entries stay is drawn on the host, since ONNX Runtime has no operators of bits on CUDA, and sent as a bit for each.
 *
 * @param donors of each layer but the first
 */
record QueuedDropout(List<Dropout> donors) implements QueuedMerge {
    @Override
    public void put(QueuedTensor tensor, DeviceSlice target) {
        List<DeviceSlice> numbers = tensor.numbers(Stream.concat(donors.stream().map(Dropout::factor), Stream.of(0f))
                .toList());
        Running sum = tensor.room().running(0);
        tensor.pieces(piece -> {
            DeviceSlice base = tensor.in(0, piece);
            sum.begin(numbers.getLast());
            for (int donor = 0; donor < donors.size(); donor++) {
                DeviceSlice stays = stays(tensor, donors.get(donor), piece);
                List<DeviceSlice> in =
                        List.of(sum.value(), base, tensor.in(donor + 1, piece), numbers.get(donor), stays);
                tensor.run(RecipeStep.ADDED_WHERE_IT_STAYS, in, List.of(sum.next(piece.count())));
            }
            tensor.run(RecipeStep.ON_BASE, List.of(sum.value(), base), List.of(tensor.of(target, piece)));
        });
    }

    private static DeviceSlice stays(QueuedTensor tensor, Dropout donor, QueuedTensor.Piece piece) {
        RecipeRoom room = tensor.room();
        long bytes = (piece.count() + Byte.SIZE - 1) / Byte.SIZE;
        StepData data = room.data(RecipeRoom.Kind.BITS);
        room.queue().await(); // for the last bits to arrive
        data.begin(StepData.aligned(bytes));
        StepData.Region bits = data.add(bytes);
        donor.bits(piece.first(), bits.host());
        data.send(bits);
        DeviceSlice truths = room.truths();
        tensor.run(RecipeStep.UNPACKED, List.of(bits.device()), List.of(truths.slice(0, bytes * Byte.SIZE)));
        return truths.slice(0, piece.count());
    }
}
