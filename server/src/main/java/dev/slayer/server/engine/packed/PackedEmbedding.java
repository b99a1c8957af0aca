package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Part;
import dev.slayer.server.onnx.Binding;
import java.util.List;

/** An embedding on a device. The binding has it bound. The engine's thread only, except for closing. */
record PackedEmbedding(Binding binding, List<Uploads.Hold> holds) implements Part {
    PackedEmbedding {
        holds = List.copyOf(holds);
    }

    /** Takes over the binding and the holds. */
    static PackedEmbedding of(Binding binding, List<BoundWeight> weights, List<Uploads.Hold> holds) {
        weights.forEach(weight -> weight.bind(binding));
        return new PackedEmbedding(binding, holds);
    }

    @Override
    public void close() {
        binding.close();
        holds.forEach(Uploads.Hold::close);
    }
}
