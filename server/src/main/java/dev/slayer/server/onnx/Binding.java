package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Memory that a session reads and writes in place. One thread at a time. Bound segments are held until they are replaced,
 * cleared or the binding is closed; whoever closes their arena earlier breaks the contract of {@link MemorySegment}, not ours.
 */
public final class Binding extends NativeHandle {
    private static final int MAX_RANK = 8;

    private final Session session;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment shapeBuffer = arena.allocate(JAVA_LONG, MAX_RANK);
    private final MemorySegment valueBuffer = arena.allocate(ADDRESS);
    private final Map<String, MemorySegment> held = new HashMap<>();

    private Binding(Session session, MemorySegment pointer) {
        super(pointer, session.runtime.functions.releaseBinding);
        this.session = session;
    }

    static Binding of(Session session) {
        NativeApi api = session.runtime.api;
        MemorySegment pointer = session.use();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            api.check((MemorySegment) session.runtime.functions.createBinding.invokeExact(pointer, out));
            // The session stays in use as long as the binding lives, so it cannot be released under it.
            return new Binding(session, out.get(ADDRESS, 0));
        } catch (Throwable e) {
            session.done();
            throw NativeApi.rethrown(e);
        }
    }

    /**
     * Binds an input.
     *
     * @param data native memory of exactly the shape's bytes
     */
    public Binding input(String name, ElementType type, MemorySegment data, long... shape) {
        attach(true, name, type, data, shape);
        return this;
    }

    /** Binds an output, which is then written in place. */
    public Binding output(String name, ElementType type, MemorySegment data, long... shape) {
        attach(false, name, type, data, shape);
        return this;
    }

    /**
     * Runs the session on what is bound; returns when the outputs are written.
     *
     * @throws OnnxException with ONNX Runtime's words; the session stays usable
     */
    public void run() {
        MemorySegment binding = use();
        MemorySegment pointer = session.use();
        try {
            session.runtime.api.check(
                    (MemorySegment) session.runtime.functions.run.invokeExact(pointer, MemorySegment.NULL, binding));
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        } finally {
            session.done();
            done();
        }
    }

    /** Unbinds everything. */
    public void clear() {
        MemorySegment binding = use();
        try {
            session.runtime.functions.clearInputs.invokeExact(binding);
            session.runtime.functions.clearOutputs.invokeExact(binding);
            held.clear();
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        } finally {
            done();
        }
    }

    private void attach(boolean input, String name, ElementType type, MemorySegment data, long... shape) {
        check(name, type, data, shape);
        SessionFunctions functions = session.runtime.functions;
        NativeApi api = session.runtime.api;
        MemorySegment nativeName = session.name(name);
        MemorySegment binding = use();
        try {
            MemorySegment.copy(shape, 0, shapeBuffer, JAVA_LONG, 0, shape.length);
            api.check((MemorySegment) functions.createValue.invokeExact(
                    session.runtime.cpuMemory(),
                    data,
                    data.byteSize(),
                    shapeBuffer,
                    (long) shape.length,
                    type.code(),
                    valueBuffer));
            MemorySegment value = valueBuffer.get(ADDRESS, 0);
            try {
                api.check((MemorySegment)
                        (input ? functions.bindInput : functions.bindOutput).invokeExact(binding, nativeName, value));
                held.put(name, data);
            } finally {
                functions.releaseValue.invokeExact(value); // the binding holds its own reference
            }
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        } finally {
            done();
        }
    }

    /** What ONNX Runtime does not check and would crash on. */
    private static void check(String name, ElementType type, MemorySegment data, long... shape) {
        if (!data.isNative()) {
            throw new IllegalArgumentException(name + ": heap memory cannot be bound");
        }
        if (shape.length > MAX_RANK) {
            throw new IllegalArgumentException(name + ": rank " + shape.length + " is over " + MAX_RANK);
        }
        long bytes = type.bytes();
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new IllegalArgumentException(name + ": dimension " + dimension + " is negative");
            }
            bytes = Math.multiplyExact(bytes, dimension);
        }
        if (bytes != data.byteSize() || data.address() == 0) {
            throw new IllegalArgumentException(
                    name + ": the shape needs " + bytes + " bytes, the memory has " + data.byteSize());
        }
    }

    @Override
    void released() {
        held.clear();
        arena.close();
        session.done();
    }
}
