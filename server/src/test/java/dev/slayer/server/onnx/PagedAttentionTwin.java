package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * PagedAttention in plain Java, float32, as an operator of ONNX Runtime on the CPU, which has none of its own: slow and obvious. It
 * takes the same inputs and outputs as com.microsoft's, so graphs for a GPU run here with no change but the operator's domain.
 * Function pointers follow OrtCustomOp of onnxruntime_c_api.h.
 */
@SuppressWarnings({"UnusedMethod", "UnusedVariable"}) // native code calls them, with what it has to say
public final class PagedAttentionTwin {
    /** Where it is known. */
    public static final String DOMAIN = "dev.slayer.twin";

    private static final int OP_VERSION = 13;
    private static final int INPUTS = 17;
    private static final Linker LINKER = Linker.nativeLinker();
    private static final Arena ARENA = Arena.global();
    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();
    private static final MemorySegment NAME = ARENA.allocateFrom("PagedAttention");

    private final NativeApi api;
    /** Types of keys and values, by address of the operator that has them: the same operator for each. */
    private final Map<Long, ElementType> caches = new HashMap<>();

    private final List<Attributes> kernels = new ArrayList<>();
    private final AtomicLong written = new AtomicLong();
    private final AtomicLong clipped = new AtomicLong();
    private final AtomicInteger stagedRows = new AtomicInteger();
    private RuntimeException failure;

    private record Attributes(
            int heads, int kvHeads, int window, ElementType cache, String keyScales, String valueScales) {}

    private PagedAttentionTwin(NativeApi api) {
        this.api = api;
    }

    /**
     * Makes the operator known to sessions that are opened from now on.
     *
     * @param cache type of keys and values, FLOAT, FLOAT8E4M3FN or INT8; they may be FLOAT in any case
     */
    public static PagedAttentionTwin install(OnnxRuntime runtime, ElementType cache) {
        PagedAttentionTwin twin = new PagedAttentionTwin(runtime.api);
        try {
            MemorySegment out = ARENA.allocate(ADDRESS);
            runtime.api.check(
                    (MemorySegment) runtime.api.function(26, "PPP").invokeExact(ARENA.allocateFrom(DOMAIN), out));
            MemorySegment domain = out.get(ADDRESS, 0);
            for (ElementType type : EnumSet.of(ElementType.FLOAT, cache)) {
                runtime.api.check(
                        (MemorySegment) runtime.api.function(27, "PPP").invokeExact(domain, twin.operator(type)));
            }
            runtime.opener = (environment, model, options) -> twin.open(domain, environment, model, options);
            return twin;
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    /** By way of an empty model from bytes, since only such a session looks at operators that are not the library's. */
    private MemorySegment open(
            MemorySegment domain, MemorySegment environment, MemorySegment model, MemorySegment options)
            throws Throwable {
        api.check((MemorySegment) api.function(28, "PPP").invokeExact(options, domain));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocateFrom(JAVA_BYTE, emptyModel());
            MemorySegment out = arena.allocate(ADDRESS);
            api.check((MemorySegment)
                    api.editorFunction(16, "PPPJPP").invokeExact(environment, bytes, bytes.byteSize(), options, out));
            MemorySegment session = out.get(ADDRESS, 0);
            try {
                api.check((MemorySegment) api.editorFunction(18, "PPP").invokeExact(session, model));
                api.check((MemorySegment)
                        api.editorFunction(19, "PPPP").invokeExact(session, options, MemorySegment.NULL));
                return session;
            } catch (Throwable e) {
                api.function(95, "VP").invokeExact(session);
                throw e;
            }
        }
    }

    /** A ModelProto of onnx.proto: ir_version (1), graph (7) with a name (2), opset_import (8) with domain (1) and version (2). */
    private static byte[] emptyModel() {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        model.writeBytes(new byte[] {1 << 3, 10});
        message(model, 7, new byte[] {(2 << 3) | 2, 1, 'g'});
        Map<String, Integer> opsets = Map.of("", 20, Graph.MICROSOFT, 1, DOMAIN, 1);
        opsets.forEach((domain, version) -> {
            ByteArrayOutputStream opset = new ByteArrayOutputStream();
            message(opset, 1, domain.getBytes(StandardCharsets.UTF_8));
            opset.writeBytes(new byte[] {2 << 3, version.byteValue()});
            message(model, 8, opset.toByteArray());
        });
        return model.toByteArray();
    }

    private static void message(ByteArrayOutputStream out, int field, byte[] bytes) {
        out.write((field << 3) | 2);
        out.write(bytes.length);
        out.writeBytes(bytes);
    }

    /** What went wrong in a run, which must not be thrown through native code. */
    public synchronized void check() {
        if (failure != null) {
            throw failure;
        }
    }

    private MemorySegment operator(ElementType cache) {
        MemorySegment op = ARENA.allocate(40 * ADDRESS.byteSize());
        caches.put(op.address(), cache);
        op.set(JAVA_INT, 0, OP_VERSION);
        Class<?> p = MemorySegment.class;
        List<MemorySegment> functions = List.of(
                stub("createKernel", p, p, p, p),
                stub("name", p, p),
                stub("provider", p, p),
                stub("inputType", int.class, p, long.class),
                stub("inputCount", long.class, p),
                stub("outputType", int.class, p, long.class),
                stub("outputCount", long.class, p),
                stub("compute", void.class, p, p),
                stub("destroy", void.class, p),
                stub("inputCharacteristic", int.class, p, long.class),
                stub("outputCharacteristic", int.class, p, long.class),
                stub("memoryType", int.class, p, long.class));
        for (int i = 0; i < functions.size(); i++) {
            op.setAtIndex(ADDRESS, i + 1L, functions.get(i));
        }
        return op;
    }

    private MemorySegment stub(String method, Class<?> result, Class<?>... arguments) {
        try {
            MethodHandle handle = LOOKUP.bind(this, method, MethodType.methodType(result, arguments));
            MemoryLayout[] layouts =
                    Arrays.stream(arguments).map(PagedAttentionTwin::layout).toArray(MemoryLayout[]::new);
            FunctionDescriptor descriptor = result == void.class
                    ? FunctionDescriptor.ofVoid(layouts)
                    : FunctionDescriptor.of(layout(result), layouts);
            return LINKER.upcallStub(handle, descriptor, ARENA);
        } catch (ReflectiveOperationException e) {
            throw new LinkageError(method, e);
        }
    }

    private static MemoryLayout layout(Class<?> type) {
        return type == long.class ? JAVA_LONG : type == int.class ? JAVA_INT : ADDRESS;
    }

    // From here to compute: called by native code.
    private synchronized MemorySegment createKernel(MemorySegment op, MemorySegment ortApi, MemorySegment info) {
        kernels.add(new Attributes(
                attribute(info, "num_heads", 0),
                attribute(info, "kv_num_heads", 0),
                attribute(info, "local_window_size", -1),
                caches.get(op.address()),
                text(info, "k_quant_type", "NONE"),
                text(info, "v_quant_type", "NONE")));
        return MemorySegment.ofAddress(kernels.size());
    }

    private int attribute(MemorySegment info, String name, int absent) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            api.check((MemorySegment) api.function(86, "PPPP").invokeExact(info, arena.allocateFrom(name), out));
            return (int) out.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            return absent;
        }
    }

    private String text(MemorySegment info, String name, String absent) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment size = arena.allocateFrom(JAVA_LONG, 64);
            MemorySegment out = arena.allocate(64);
            api.check((MemorySegment) api.function(87, "PPPPP").invokeExact(info, arena.allocateFrom(name), out, size));
            return out.getString(0);
        } catch (Throwable e) {
            return absent;
        }
    }

    private MemorySegment name(MemorySegment op) {
        return NAME;
    }

    private MemorySegment provider(MemorySegment op) {
        return MemorySegment.NULL;
    }

    private int inputType(MemorySegment op, long index) {
        if (index == 3 || index == 4) {
            return caches.get(op.address()).code();
        }
        return (index >= 5 && index <= 7) || index == 16 ? ElementType.INT32.code() : ElementType.FLOAT.code();
    }

    private long inputCount(MemorySegment op) {
        return INPUTS;
    }

    private int outputType(MemorySegment op, long index) {
        return index == 0 ? ElementType.FLOAT.code() : caches.get(op.address()).code();
    }

    private long outputCount(MemorySegment op) {
        return 3;
    }

    private void destroy(MemorySegment kernel) {}

    private int inputCharacteristic(MemorySegment op, long index) {
        return index == 1 || index == 2 || index > 9 ? 1 : 0;
    }

    private int outputCharacteristic(MemorySegment op, long index) {
        return 0;
    }

    private int memoryType(MemorySegment op, long index) {
        return 0;
    }

    private void compute(MemorySegment kernel, MemorySegment context) {
        try {
            attend(kernels.get((int) kernel.address() - 1), context);
        } catch (Throwable e) {
            synchronized (this) {
                failure = new IllegalStateException("the twin failed: " + e, e);
            }
        }
    }

    /** Numbers of keys and values that were written as INT8, and those of them that were cut to its range. */
    public long written() {
        return written.get();
    }

    /** See {@link #written}. */
    public long clipped() {
        return clipped.get();
    }

    /** The most rows of quantized keys that a run has widened: sequences times the bound of their lengths. */
    public int stagedRows() {
        return stagedRows.get();
    }

    private void attend(Attributes attributes, MemorySegment context) throws Throwable {
        TwinTensor qkv = input(context, 0);
        ElementType cache = attributes.cache();
        TwinTensor keys = input(context, 3);
        TwinTensor values = input(context, 4);
        keys = keys.cached(cache, TwinTensor.scales(input(context, 14), attributes.keyScales(), cache, keys));
        values = values.cached(cache, TwinTensor.scales(input(context, 15), attributes.valueScales(), cache, values));
        TwinTensor cumulative = input(context, 5);
        TwinTensor past = input(context, 6);
        TwinTensor table = input(context, 7);
        TwinTensor cos = input(context, 8);
        TwinTensor sin = input(context, 9);
        TwinTensor out = output(context, 0, qkv.size(0), (long) attributes.heads() * keys.size(3));
        if (output(context, 1, keys.shape()).data().address() != keys.data().address()
                || output(context, 2, values.shape()).data().address()
                        != values.data().address()) {
            throw new IllegalArgumentException("keys and values must be written where they are read");
        }
        checkBounds(context, cumulative, past);
        if (cache != ElementType.FLOAT && qkv.size(0) > past.size(0)) {
            int bound = Math.min(input(context, 16).integer(1), table.size(1) * keys.size(1));
            stagedRows.accumulateAndGet(past.size(0) * bound, Math::max);
        }
        TwinAttention attention = new TwinAttention(
                attributes.heads(), attributes.window(), qkv, keys, values, cumulative, past, table, cos, sin, out);
        if (attributes.kvHeads() != attention.kvHeads()) {
            throw new IllegalArgumentException(
                    "kv_num_heads " + attributes.kvHeads() + " are not the pages' " + attention.kvHeads());
        }
        attention.run(cut -> {
            if (cache == ElementType.INT8) {
                written.incrementAndGet();
                clipped.addAndGet(cut ? 1 : 0);
            }
        });
    }

    /** The bounds that a kernel is told must hold. */
    private void checkBounds(MemorySegment context, TwinTensor cumulative, TwinTensor past) throws Throwable {
        TwinTensor metadata = input(context, 16);
        if (metadata == null) {
            return;
        }
        int queries = 0;
        int rows = 0;
        for (int i = 0; i < past.size(0); i++) {
            int count = cumulative.integer(i + 1L) - cumulative.integer(i);
            queries = Math.max(queries, count);
            rows = Math.max(rows, past.integer(i) + count);
        }
        if (queries > metadata.integer(0)
                || rows > metadata.integer(1)
                || (metadata.size(0) > 2 && rows < metadata.integer(2))) {
            throw new IllegalArgumentException(
                    "bounds " + Arrays.toString(metadata.data().toArray(JAVA_INT)) + " do not hold for " + queries
                            + " and " + rows);
        }
    }

    private TwinTensor input(MemorySegment context, long index) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            api.check((MemorySegment) api.function(90, "PPJP").invokeExact(context, index, out));
            MemorySegment value = out.get(ADDRESS, 0);
            return value.address() == 0 ? null : value(arena, value);
        }
    }

    private TwinTensor output(MemorySegment context, long index, long... shape) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            api.check((MemorySegment) api.function(91, "PPJPJP")
                    .invokeExact(context, index, arena.allocateFrom(JAVA_LONG, shape), (long) shape.length, out));
            return value(arena, out.get(ADDRESS, 0));
        }
    }

    private TwinTensor value(Arena arena, MemorySegment value) throws Throwable {
        MemorySegment out = arena.allocate(ADDRESS);
        api.check((MemorySegment) api.function(65, "PPP").invokeExact(value, out));
        MemorySegment info = out.get(ADDRESS, 0);
        api.check((MemorySegment) api.function(61, "PPP").invokeExact(info, out));
        long rank = out.get(JAVA_LONG, 0);
        MemorySegment dimensions = arena.allocate(JAVA_LONG, Math.max(1, rank));
        api.check((MemorySegment) api.function(62, "PPPJ").invokeExact(info, dimensions, rank));
        api.function(99, "VP").invokeExact(info);
        api.check((MemorySegment) api.function(51, "PPP").invokeExact(value, out));
        return new TwinTensor(
                out.get(ADDRESS, 0).reinterpret(Long.MAX_VALUE),
                Arrays.copyOf(dimensions.toArray(JAVA_LONG), (int) rank),
                ElementType.FLOAT,
                null);
    }
}
