package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Part;
import dev.slayer.server.onnx.Binding;
import java.util.List;

/**
 * What a stack begins or ends with, on a device: an embedding, or a final norm and a head. The binding has the weights bound. The
 * engine's thread only, except for closing.
 */
record PackedEnds(Binding binding, List<Uploads.Hold> holds) implements Part {
    PackedEnds {
        holds = List.copyOf(holds);
    }

    /** Takes over the binding and the holds. */
    static PackedEnds of(Binding binding, List<BoundWeight> weights, List<Uploads.Hold> holds) {
        weights.forEach(weight -> weight.bind(binding));
        return new PackedEnds(binding, holds);
    }

    @Override
    public void close() {
        binding.close();
        holds.forEach(Uploads.Hold::close);
    }
}
