package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** One tensor of several layers, on the device, of which another is made a piece at a time. One thread. */
final class QueuedTensor {
    /** Entries that are summed up on the device; what comes of them is summed up on the host. */
    static final int SPAN = 1024;

    private final RecipeSteps steps;
    private final RecipeRoom room;
    private final List<DeviceSlice> inputs;
    private final ElementType rounded;

    /** A part of a tensor. */
    record Piece(long first, long count) {
        long end() {
            return first + count;
        }
    }

    /**
     * @param inputs the tensor in each layer, in the device's type
     * @param rounded the type that results are rounded to
     */
    QueuedTensor(RecipeSteps steps, RecipeRoom room, List<DeviceSlice> inputs, ElementType rounded) {
        this.steps = steps;
        this.room = room;
        this.inputs = inputs;
        this.rounded = rounded;
    }

    RecipeRoom room() {
        return room;
    }

    long elements() {
        return inputs.getFirst().bytes() / steps.type().bytes();
    }

    /** Does something with each piece, and waits until all of it is done. */
    void pieces(Consumer<Piece> work) {
        for (long first = 0; first < elements(); first += room.piece()) {
            work.accept(new Piece(first, Math.min(room.piece(), elements() - first)));
        }
        room.queue().await();
    }

    /** A piece of an input. */
    DeviceSlice in(int input, Piece piece) {
        return of(inputs.get(input), piece);
    }

    /** A piece of a tensor of this length. */
    DeviceSlice of(DeviceSlice tensor, Piece piece) {
        int bytes = steps.type().bytes();
        return tensor.slice(piece.first() * bytes, piece.count() * bytes);
    }

    /** Queues a step. */
    void run(RecipeStep step, List<DeviceSlice> in, List<DeviceSlice> out) {
        steps.run(step, rounded, 1, in, out);
    }

    /** Numbers on the device, each by itself, until they are asked for again; what needed the last ones must be done. */
    List<DeviceSlice> numbers(List<Float> values) {
        StepData data = room.data(RecipeRoom.Kind.NUMBERS);
        data.begin(values.size() * StepData.aligned(Float.BYTES));
        List<DeviceSlice> numbers = new ArrayList<>();
        for (float value : values) {
            StepData.Region region = data.add(Float.BYTES);
            region.host().set(JAVA_FLOAT, 0, value);
            numbers.add(region.device());
        }
        data.send();
        return numbers;
    }

    /**
     * What a step gives for each span of the tensor; waits for it.
     *
     * @param of two inputs
     * @param numbers what else the step takes
     * @return [outputs, spans]
     */
    double[][] sums(RecipeStep step, List<Integer> of, List<DeviceSlice> numbers, int outputs) {
        long bytes = (elements() + SPAN - 1) / SPAN * Double.BYTES;
        StepData data = room.data(RecipeRoom.Kind.SUMS);
        data.begin(StepData.aligned(outputs * bytes));
        StepData.Region sums = data.add(outputs * bytes);
        pieces(piece -> {
            long whole = piece.count() / SPAN * SPAN;
            for (Piece part :
                    List.of(new Piece(piece.first(), whole), new Piece(piece.first() + whole, piece.count() - whole))) {
                if (part.count() > 0) {
                    sum(step, part, of, numbers, sums.device(), bytes, outputs);
                }
            }
        });
        room.queue().download(sums.device(), sums.host());
        room.queue().await();
        double[][] values = new double[outputs][];
        for (int i = 0; i < outputs; i++) {
            values[i] = sums.host().asSlice(i * bytes, bytes).toArray(JAVA_DOUBLE);
        }
        return values;
    }

    private void sum(
            RecipeStep step,
            Piece part,
            List<Integer> of,
            List<DeviceSlice> numbers,
            DeviceSlice sums,
            long bytes,
            int outputs) {
        List<DeviceSlice> in = new ArrayList<>();
        of.forEach(input -> in.add(in(input, part)));
        in.addAll(numbers);
        long columns = Math.min(SPAN, part.count());
        List<DeviceSlice> out = new ArrayList<>();
        for (int i = 0; i < outputs; i++) {
            out.add(sums.slice(i * bytes + part.first() / SPAN * Double.BYTES, part.count() / columns * Double.BYTES));
        }
        steps.run(step, rounded, columns, in, out);
    }

    /** Entries of an input, brought to the host; waits for them. */
    float[] floats(int input, Piece piece) {
        DType type = Narrow.dtype(steps.type());
        StepData data = room.data(RecipeRoom.Kind.SUMS);
        data.begin(StepData.aligned(piece.count() * type.bytes()));
        StepData.Region region = data.add(piece.count() * type.bytes());
        room.queue().download(in(input, piece), region.host());
        room.queue().await();
        float[] floats = new float[Math.toIntExact(piece.count())];
        new Tensor("span", type, List.of(piece.count()), region.host()).toFloat32(0, MemorySegment.ofArray(floats));
        return floats;
    }
}
