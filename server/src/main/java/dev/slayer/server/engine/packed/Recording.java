package dev.slayer.server.engine.packed;

import dev.slayer.server.onnx.Binding;
import java.util.Optional;

/** A run with all its memory bound, for replay; or the wish for one. The engine's thread only, except for closing. */
final class Recording implements AutoCloseable {
    /** How often it was wanted before it was made. */
    int seen;

    private Optional<Binding> binding = Optional.empty();
    private int graph;

    /** Takes over a binding that has been run under the number of a graph. */
    void made(Binding recorded, int number) {
        binding = Optional.of(recorded);
        graph = number;
    }

    /** Queues it. @return false if it has not been made */
    boolean replay() {
        binding.ifPresent(bound -> bound.queue(graph));
        return binding.isPresent();
    }

    @Override
    public void close() {
        binding.ifPresent(Binding::close);
    }
}
