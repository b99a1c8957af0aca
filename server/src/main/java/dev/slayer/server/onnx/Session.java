package dev.slayer.server.onnx;

import dev.slayer.server.accelerator.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/** A compiled graph. Thread-safe: several bindings may run it at once. */
public final class Session extends NativeHandle {
    final OnnxRuntime runtime;
    final Placement placement;
    private final Map<Integer, MemorySegment> runOptions = new HashMap<>();
    private final Arena arena = Arena.ofShared();
    private final Map<String, MemorySegment> names = new HashMap<>();

    Session(OnnxRuntime runtime, MemorySegment pointer, Graph graph, Placement placement) {
        super(pointer, runtime.functions.releaseSession);
        this.runtime = runtime;
        this.placement = placement;
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

    /**
     * OrtRunOptions that leave the device to its queue, and record or replay a graph.
     *
     * @param graph id of the recording; -1 for none
     */
    synchronized MemorySegment queued(int graph) throws Throwable {
        MemorySegment known = runOptions.get(graph);
        if (known != null) {
            return known;
        }
        MemorySegment options = runtime.api.create(runtime.api.function(39, "PP"));
        runOptions.put(graph, options);
        entry(options, "disable_synchronize_execution_providers", "1");
        entry(options, "gpu_graph_id", Integer.toString(graph));
        return options;
    }

    private void entry(MemorySegment options, String key, String value) throws Throwable {
        try (Arena confined = Arena.ofConfined()) {
            runtime.api.check((MemorySegment) runtime.api
                    .function(165, "PPPP")
                    .invokeExact(options, confined.allocateFrom(key), confined.allocateFrom(value)));
        }
    }

    @Override
    void released() {
        try {
            for (MemorySegment options : runOptions.values()) {
                runtime.api.function(97, "VP").invokeExact(options);
            }
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
        arena.close();
    }
}
