package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Runs of steps, put into one queue; each has a session, opened when it is first needed. One thread at a time. */
final class RecipeSteps implements AutoCloseable {
    private final OnnxRuntime runtime;
    private final Accelerator queue;
    private final ElementType type;
    private final Map<Form, Opened> opened = new HashMap<>();

    /** What graphs depend on. */
    private record Form(RecipeStep step, ElementType rounded) {}

    private record Opened(Graph graph, Session session, Binding binding) {
        void close() {
            binding.close();
            session.close();
        }
    }

    /** @param type of weights on the device */
    RecipeSteps(OnnxRuntime runtime, Accelerator queue, ElementType type) {
        this.runtime = runtime;
        this.queue = queue;
        this.type = type;
    }

    ElementType type() {
        return type;
    }

    /**
     * Queues a run. The shapes follow from how long the memory is.
     *
     * @param rounded the type that weights are rounded to
     * @param columns of what has rows
     * @param inputs in the order that the step names
     */
    void run(RecipeStep step, ElementType rounded, long columns, List<DeviceSlice> inputs, List<DeviceSlice> outputs) {
        Opened run = opened(new Form(step, step.rounds() ? rounded : type));
        for (int i = 0; i < inputs.size(); i++) {
            Graph.Port port = run.graph.inputs().get(i);
            DeviceSlice data = inputs.get(i);
            Binding _ = run.binding.input(port.name(), port.type(), data, shape(port, data, columns));
        }
        for (int i = 0; i < outputs.size(); i++) {
            Graph.Port port = run.graph.outputs().get(i);
            DeviceSlice data = outputs.get(i);
            Binding _ = run.binding.output(port.name(), port.type(), data, shape(port, data, columns));
        }
        Queued.run(queue, run.binding);
    }

    private static long[] shape(Graph.Port port, DeviceSlice data, long columns) {
        long count = data.bytes() / port.type().bytes();
        return port.shape().size() == 1 ? new long[] {count} : new long[] {count / columns, columns};
    }

    private Opened opened(Form form) {
        return opened.computeIfAbsent(form, this::open);
    }

    private Opened open(Form form) {
        Graph graph = RecipeGraph.of(form.step, type, form.rounded);
        Session session = Queued.session(runtime, queue, graph, false);
        try {
            return new Opened(graph, session, session.bind());
        } catch (RuntimeException | Error e) {
            session.close();
            throw e;
        }
    }

    @Override
    public void close() {
        opened.values().forEach(Opened::close);
        opened.clear();
    }
}
