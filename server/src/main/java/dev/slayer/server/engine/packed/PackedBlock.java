package dev.slayer.server.engine.packed;

import dev.slayer.server.engine.block.Part;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.Session;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The weights of one decoder layer on a device, shared by every slot whose recipe it is. Closed by any thread, else the engine's only. */
final class PackedBlock implements Part {
    final PackedSessions sessions;
    private final List<Uploads.Hold> holds;
    private final List<BoundWeight> weights;
    private final Binding plain;
    private final Binding gated;
    private final Map<Replays.Key, Recording> recordings = new HashMap<>();

    /** Takes over the holds, except where it throws. */
    PackedBlock(PackedSessions sessions, List<BoundWeight> weights, List<Uploads.Hold> holds) {
        this.sessions = sessions;
        this.weights = List.copyOf(weights);
        this.holds = List.copyOf(holds);
        this.plain = bound(sessions.block);
        try {
            this.gated = bound(sessions.gated);
        } catch (RuntimeException | Error e) {
            plain.close();
            throw e;
        }
    }

    /** For any rows: with the weights bound; the rest is bound anew for each run. */
    Binding binding(boolean gates) {
        return gates ? gated : plain;
    }

    /** A run of pure decoding at fixed places. */
    Recording recording(Replays.Key key) {
        return recordings.computeIfAbsent(key, none -> new Recording());
    }

    /** A binding for a recording, with the weights bound; owned by the recording. */
    Binding toRecord() {
        return bound(sessions.recorded);
    }

    private Binding bound(Session session) {
        return BoundWeight.bound(session, weights);
    }

    @Override
    public void close() {
        plain.close();
        gated.close();
        recordings.values().forEach(Recording::close);
        holds.forEach(Uploads.Hold::close);
    }
}
