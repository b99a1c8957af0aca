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

    /** Whether it can be replayed. */
    boolean made() {
        return binding.isPresent();
    }

    /** Queues it. */
    void replay() {
        binding.orElseThrow().queue(graph);
    }

    @Override
    public void close() {
        binding.ifPresent(Binding::close);
    }
}
