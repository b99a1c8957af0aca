package dev.slayer.server.onnx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** A compiled graph. Thread-safe: several bindings may run it at once. */
public final class Session extends NativeHandle {
    final OnnxRuntime runtime;
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> names = new HashMap<>();

    Session(OnnxRuntime runtime, MemorySegment pointer, Graph graph) {
        super(pointer, runtime.functions.releaseSession);
        this.runtime = runtime;
        for (Graph.Port port : graph.inputs()) {
            names.put(port.name(), arena.allocateFrom(port.name()));
        }
        for (Graph.Port port : graph.outputs()) {
            names.put(port.name(), arena.allocateFrom(port.name()));
        }
    }

    /** A new set of bound inputs and outputs. */
    public Binding bind() {
        return Binding.of(this);
    }

    /** Name of an input or output as a C string. */
    MemorySegment name(String name) {
        MemorySegment segment = names.get(name);
        if (segment == null) {
            throw new IllegalArgumentException("no input or output '" + name + "'; there are " + names.keySet());
        }
        return segment;
    }

    @Override
    void released() {
        arena.close();
    }
}
