package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Part;
import dev.slayer.server.onnx.Binding;
import java.util.List;

/**
 * A final norm and a head on a device. The bindings have the weights bound. The engine's thread only, except for closing.
 *
 * @param toLogits final norm and head
 * @param toNormed the final norm alone
 */
record PackedHeadWeights(Binding toLogits, Binding toNormed, List<Uploads.Hold> holds) implements Part {
    PackedHeadWeights {
        holds = List.copyOf(holds);
    }

    /** Takes over the holds, except where it throws. */
    static PackedHeadWeights of(PackedSessions sessions, List<BoundWeight> weights, List<Uploads.Hold> holds) {
        Binding toLogits = BoundWeight.bound(sessions.head, weights);
        try {
            List<BoundWeight> norm = weights.stream()
                    .filter(weight -> weight.name().equals("final_norm"))
                    .toList();
            return new PackedHeadWeights(toLogits, BoundWeight.bound(sessions.norm, norm), holds);
        } catch (RuntimeException | Error e) {
            toLogits.close();
            throw e;
        }
    }

    @Override
    public void close() {
        toLogits.close();
        toNormed.close();
        holds.forEach(Uploads.Hold::close);
    }
}
