package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.accelerator.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Builds a session from a graph through the model editor. Native parts are consumed by the calls that take them over; what was
 * not yet consumed when something fails is released, newest first.
 */
final class SessionFactory {
    private static final long LEAST_IN_PLACE = 128; // bytes; shape inference wants to see smaller constants
    private static final int ONNX_OPSET = 20;
    private static final int MICROSOFT_OPSET = 1;
    private static final int EXTENDED_OPTIMIZATIONS = 2; // 99 (all) aborts the process on some graphs

    private final OnnxRuntime runtime;
    private final NativeApi api;
    private final Placement placement;
    private final boolean records;
    private final Arena arena;
    private final Deque<Owned> owned = new ArrayDeque<>();

    /** Makes a session of a model, which it leaves to the caller. */
    @FunctionalInterface
    interface Opener {
        MemorySegment open(MemorySegment environment, MemorySegment model, MemorySegment options) throws Throwable;

        /** By the model editor, which knows the operators of the library only. */
        static Opener of(NativeApi api) {
            return (environment, model, options) -> {
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment out = arena.allocate(ADDRESS);
                    api.check((MemorySegment)
                            api.editorFunction(14, "PPPPP").invokeExact(environment, model, options, out));
                    return out.get(ADDRESS, 0);
                }
            };
        }
    }

    /** A native part and what releases it. */
    private record Owned(MemorySegment pointer, MethodHandle release) {}

    private SessionFactory(OnnxRuntime runtime, Placement placement, boolean records, Arena arena) {
        this.runtime = runtime;
        this.placement = placement;
        this.records = records;
        this.api = runtime.api;
        this.arena = arena;
    }

    /** @param records whether runs may be recorded and replayed as CUDA graphs */
    static Session create(
            OnnxRuntime runtime, MemorySegment environment, Graph graph, Placement placement, boolean records) {
        try (Arena arena = Arena.ofConfined()) {
            return new SessionFactory(runtime, placement, records, arena).create(environment, graph);
        }
    }

    private Session create(MemorySegment environment, Graph graph) {
        try {
            MemorySegment nativeGraph = own(created(api.editorFunction(7, "PP")), api.function(287, "VP"));
            ports(nativeGraph, graph.inputs(), api.editorFunction(8, "PPPJ"));
            ports(nativeGraph, graph.outputs(), api.editorFunction(9, "PPPJ"));
            for (Graph.Weight weight : graph.weights()) {
                weight(nativeGraph, weight);
            }
            for (Graph.Node node : graph.nodes()) {
                node(nativeGraph, node);
            }
            MemorySegment model = own(model(graph), api.function(288, "VP"));
            check((MemorySegment) api.editorFunction(13, "PPP").invokeExact(model, nativeGraph));
            disown(nativeGraph);
            MemorySegment options = own(options(), api.function(100, "VP"));
            return new Session(runtime, runtime.opener.open(environment, model, options), graph, placement);
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        } finally {
            releaseAll();
        }
    }

    private void ports(MemorySegment nativeGraph, List<Graph.Port> ports, MethodHandle set) throws Throwable {
        MethodHandle releaseValueInfo = api.function(285, "VP");
        MemorySegment array = arena.allocate(ADDRESS, ports.size());
        List<MemorySegment> infos = new ArrayList<>();
        for (Graph.Port port : ports) {
            MemorySegment info = own(valueInfo(port), releaseValueInfo);
            array.setAtIndex(ADDRESS, infos.size(), info);
            infos.add(info);
        }
        check((MemorySegment) set.invokeExact(nativeGraph, array, (long) ports.size()));
        infos.forEach(this::disown);
    }

    private MemorySegment valueInfo(Graph.Port port) throws Throwable {
        MethodHandle releaseShape = api.function(99, "VP");
        MethodHandle releaseType = api.function(98, "VP");
        MemorySegment out = arena.allocate(ADDRESS);
        MemorySegment shape = created(api.function(57, "PP"));
        try {
            check((MemorySegment)
                    api.function(58, "PPI").invokeExact(shape, port.type().code()));
            check((MemorySegment) api.function(59, "PPPJ").invokeExact(shape, dimensions(port.shape()), (long)
                    port.shape().size()));
            check((MemorySegment) api.editorFunction(0, "PPP").invokeExact(shape, out));
            MemorySegment type = out.get(ADDRESS, 0);
            try {
                check((MemorySegment)
                        api.editorFunction(5, "PPPP").invokeExact(arena.allocateFrom(port.name()), type, out));
                return out.get(ADDRESS, 0);
            } finally {
                releaseType.invokeExact(type);
            }
        } finally {
            releaseShape.invokeExact(shape);
        }
    }

    /** The tensor belongs to ONNX Runtime, which frees it as soon as a kernel has packed the weights its own way. */
    private void weight(MemorySegment nativeGraph, Graph.Weight weight) throws Throwable {
        MemorySegment out = arena.allocate(ADDRESS);
        check((MemorySegment) api.function(78, "PP").invokeExact(out));
        MemorySegment allocator = out.get(ADDRESS, 0);
        check((MemorySegment) api.function(48, "PPPJIP")
                .invokeExact(
                        allocator,
                        dimensions(weight.shape()),
                        (long) weight.shape().size(),
                        weight.type().code(),
                        out));
        MemorySegment value = own(out.get(ADDRESS, 0), runtime.functions.releaseValue);
        check((MemorySegment) api.function(51, "PPP").invokeExact(value, out));
        weight.writer().accept(out.get(ADDRESS, 0).reinterpret(weight.bytes()));
        boolean inPlace = weight.bytes() >= LEAST_IN_PLACE;
        check((MemorySegment) api.editorFunction(10, "PPPPZ")
                .invokeExact(nativeGraph, arena.allocateFrom(weight.name()), value, inPlace));
        disown(value);
    }

    private void node(MemorySegment nativeGraph, Graph.Node node) throws Throwable {
        MethodHandle releaseAttribute = api.function(212, "VP");
        List<MemorySegment> attributes = new ArrayList<>();
        for (Map.Entry<String, Object> attribute : node.attributes().entrySet()) {
            attributes.add(own(attribute(attribute.getKey(), attribute.getValue()), releaseAttribute));
        }
        MemorySegment array = arena.allocate(ADDRESS, Math.max(1, attributes.size()));
        for (int i = 0; i < attributes.size(); i++) {
            array.setAtIndex(ADDRESS, i, attributes.get(i));
        }
        MemorySegment out = arena.allocate(ADDRESS);
        check((MemorySegment) api.editorFunction(6, "PPPPPJPJPJP")
                .invokeExact(
                        arena.allocateFrom(node.operator()),
                        arena.allocateFrom(node.domain()),
                        arena.allocateFrom(
                                node.operator() + "_" + node.outputs().getFirst()),
                        strings(node.inputs()),
                        (long) node.inputs().size(),
                        strings(node.outputs()),
                        (long) node.outputs().size(),
                        array,
                        (long) attributes.size(),
                        out));
        attributes.forEach(this::disown);
        MemorySegment nativeNode = own(out.get(ADDRESS, 0), api.function(286, "VP"));
        check((MemorySegment) api.editorFunction(11, "PPP").invokeExact(nativeGraph, nativeNode));
        disown(nativeNode);
    }

    private MemorySegment attribute(String name, Object value) throws Throwable {
        int ofInt = 1;
        int ofInts = 2;
        int ofFloat = 3;
        int ofString = 5;
        return switch (value) {
            case Long number -> attribute(name, arena.allocateFrom(JAVA_LONG, number), 1, ofInt);
            case long[] numbers -> attribute(name, arena.allocateFrom(JAVA_LONG, numbers), numbers.length, ofInts);
            case Float number -> attribute(name, arena.allocateFrom(JAVA_FLOAT, number), 1, ofFloat);
            case String text -> {
                MemorySegment bytes = arena.allocateFrom(text);
                yield attribute(name, bytes, (int) bytes.byteSize() - 1, ofString);
            }
            default -> throw new IllegalArgumentException("attribute " + name + " of " + value.getClass());
        };
    }

    private MemorySegment attribute(String name, MemorySegment data, int length, int type) throws Throwable {
        MemorySegment out = arena.allocate(ADDRESS);
        check((MemorySegment)
                api.function(211, "PPPIIP").invokeExact(arena.allocateFrom(name), data, length, type, out));
        return out.get(ADDRESS, 0);
    }

    private MemorySegment model(Graph graph) throws Throwable {
        MemorySegment out = arena.allocate(ADDRESS);
        List<String> domains = new ArrayList<>(List.of("", Graph.MICROSOFT));
        graph.nodes().stream()
                .map(Graph.Node::domain)
                .filter(domain -> !domains.contains(domain))
                .distinct()
                .forEach(domains::add);
        MemorySegment versions = arena.allocate(JAVA_INT, domains.size());
        for (int i = 0; i < domains.size(); i++) {
            versions.setAtIndex(JAVA_INT, i, i == 0 ? ONNX_OPSET : MICROSOFT_OPSET);
        }
        check((MemorySegment)
                api.editorFunction(12, "PPPJP").invokeExact(strings(domains), versions, (long) domains.size(), out));
        return out.get(ADDRESS, 0);
    }

    private MemorySegment options() throws Throwable {
        MemorySegment options = own(created(api.function(10, "PP")), api.function(100, "VP"));
        check((MemorySegment) api.function(120, "PP").invokeExact(options));
        check((MemorySegment) api.function(23, "PPI").invokeExact(options, EXTENDED_OPTIMIZATIONS));
        check((MemorySegment) api.function(17, "PP").invokeExact(options));
        check((MemorySegment) api.function(130, "PPPP")
                .invokeExact(options, arena.allocateFrom("session.use_env_allocators"), arena.allocateFrom("1")));
        switch (placement.provider()) {
            case CPU -> {}
            case CUDA -> cuda(options);
        }
        disown(options);
        return options;
    }

    private void cuda(MemorySegment options) throws Throwable {
        MemorySegment cuda = own(created(api.function(205, "PP")), api.function(208, "VP"));
        Map<String, String> settings = new LinkedHashMap<>(placement.options());
        settings.put("device_id", Integer.toString(placement.deviceId()));
        settings.put("enable_cuda_graph", records ? "1" : "0");
        check((MemorySegment) api.function(206, "PPPPJ")
                .invokeExact(
                        cuda, strings(List.copyOf(settings.keySet())), strings(List.copyOf(settings.values())), (long)
                                settings.size()));
        if (placement.stream() != 0) {
            check((MemorySegment) api.function(263, "PPPP")
                    .invokeExact(
                            cuda,
                            arena.allocateFrom("user_compute_stream"),
                            MemorySegment.ofAddress(placement.stream())));
        }
        check((MemorySegment) api.function(204, "PPP").invokeExact(options, cuda));
    }

    private MemorySegment created(MethodHandle function) throws Throwable {
        return api.create(function);
    }

    private void check(MemorySegment status) throws Throwable {
        api.check(status);
    }

    private MemorySegment dimensions(List<Long> shape) {
        return arena.allocateFrom(
                JAVA_LONG, shape.stream().mapToLong(Long::longValue).toArray());
    }

    private MemorySegment strings(List<String> values) {
        MemorySegment array = arena.allocate(ADDRESS, Math.max(1, values.size()));
        for (int i = 0; i < values.size(); i++) {
            array.setAtIndex(ADDRESS, i, arena.allocateFrom(values.get(i)));
        }
        return array;
    }

    private MemorySegment own(MemorySegment pointer, MethodHandle release) {
        owned.push(new Owned(pointer, release));
        return pointer;
    }

    private void disown(MemorySegment pointer) {
        owned.removeIf(part -> part.pointer().address() == pointer.address());
    }

    private void releaseAll() {
        try {
            while (!owned.isEmpty()) {
                Owned part = owned.pop();
                part.release().invokeExact(part.pointer());
            }
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }
}
