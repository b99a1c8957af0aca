package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Session;
import java.util.List;

/**
 * A weight as an input of graphs.
 *
 * @param name of the input
 * @param data on the device, row-major
 */
record BoundWeight(String name, ElementType type, List<Long> shape, DeviceSlice data) {
    BoundWeight {
        shape = List.copyOf(shape);
    }

    /** A binding with some weights bound; to be closed by the caller. */
    static Binding bound(Session session, List<BoundWeight> weights) {
        Binding binding = session.bind();
        try {
            weights.forEach(weight -> weight.bind(binding));
            return binding;
        } catch (RuntimeException | Error e) {
            binding.close();
            throw e;
        }
    }

    void bind(Binding binding) {
        Binding _ = binding.input(
                name, type, data, shape.stream().mapToLong(Long::longValue).toArray());
    }
}
