package dev.slayer.surgery.export;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.function.Function;

/**
 * A tensor to be written, known before it is computed.
 *
 * @param name in the file
 * @param dtype element type in the file
 * @param make computes it in an arena, or finds it
 */
public record TensorItem(String name, DType dtype, List<Long> shape, Function<Arena, Tensor> make) {
    public TensorItem {
        shape = List.copyOf(shape);
    }

    /** How many bytes it will have. */
    public long bytes() {
        return shape.stream().reduce((long) dtype.bytes(), Math::multiplyExact);
    }
}
