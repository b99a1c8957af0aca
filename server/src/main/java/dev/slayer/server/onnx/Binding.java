package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.accelerator.DeviceSlice;
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

    /** Binds an input that lies where the session runs, in memory of exactly the shape's bytes that outlives the runs. */
    public Binding input(String name, ElementType type, DeviceSlice data, long... shape) {
        attach(true, name, type, data, shape);
        return this;
    }

    /** Binds an output that lies where the session runs, in memory of exactly the shape's bytes that outlives the runs. */
    public Binding output(String name, ElementType type, DeviceSlice data, long... shape) {
        attach(false, name, type, data, shape);
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
        run(MemorySegment.NULL);
    }

    /**
     * Puts a run into the device's queue. What is bound in the host's memory is read before this returns.
     *
     * @param graph under which to record the run, or to replay one that was recorded with the same memory bound; -1 for neither
     * @throws OnnxException with ONNX Runtime's words; the session stays usable
     */
    public void queue(int graph) {
        try {
            run(session.queued(graph));
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    private void run(MemorySegment options) {
        MemorySegment binding = use();
        MemorySegment pointer = session.use();
        try {
            session.runtime.api.check(
                    (MemorySegment) session.runtime.functions.run.invokeExact(pointer, options, binding));
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
        if (!data.isNative()) {
            throw new IllegalArgumentException(name + ": heap memory cannot be bound");
        }
        check(name, type, data.address(), data.byteSize(), shape);
        attach(input, name, type, session.runtime.cpuMemory(), data, shape);
        held.put(name, data);
    }

    private void attach(boolean input, String name, ElementType type, DeviceSlice data, long... shape) {
        check(name, type, data.address(), data.bytes(), shape);
        MemorySegment memory = session.runtime.memoryInfo(session.placement);
        MemorySegment address = MemorySegment.ofAddress(data.address()).reinterpret(data.bytes());
        attach(input, name, type, memory, address, shape);
        held.remove(name);
    }

    private void attach(
            boolean input, String name, ElementType type, MemorySegment memory, MemorySegment data, long... shape) {
        SessionFunctions functions = session.runtime.functions;
        NativeApi api = session.runtime.api;
        MemorySegment nativeName = session.name(name);
        MemorySegment binding = use();
        try {
            MemorySegment.copy(shape, 0, shapeBuffer, JAVA_LONG, 0, shape.length);
            api.check((MemorySegment) functions.createValue.invokeExact(
                    memory, data, data.byteSize(), shapeBuffer, (long) shape.length, type.code(), valueBuffer));
            MemorySegment value = valueBuffer.get(ADDRESS, 0);
            try {
                api.check((MemorySegment)
                        (input ? functions.bindInput : functions.bindOutput).invokeExact(binding, nativeName, value));
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
    private static void check(String name, ElementType type, long address, long size, long... shape) {
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
        if (bytes != size || address == 0) {
            throw new IllegalArgumentException(name + ": the shape needs " + bytes + " bytes, the memory has " + size);
        }
    }

    @Override
    void released() {
        held.clear();
        arena.close();
        session.done();
    }
}
