package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The functions of the C API that this project calls, by their position in the table of onnxruntime_c_api.h. The table only
 * grows at its end, so any library from {@link #VERSION} on has them.
 *
 * <p>Descriptors are written as one letter a type, the result first: P address (also OrtStatus*), I int, J long (size_t),
 * Z bool, V void.
 */
final class NativeApi {
    /** The lowest API version that has every function used here. */
    static final int VERSION = 22;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final int MODEL_EDITOR = 291;

    // Linking a function costs a good part of a millisecond; editor functions have negative keys.
    private final Map<Integer, MethodHandle> linked = new ConcurrentHashMap<>();
    private final MemorySegment table;
    private final MemorySegment editor;
    private final MethodHandle getErrorCode;
    private final MethodHandle getErrorMessage;
    private final MethodHandle releaseStatus;

    /** Version string of the library, such as {@code 1.29.0}. */
    final String libraryVersion;

    NativeApi(Path library) {
        try {
            SymbolLookup symbols = SymbolLookup.libraryLookup(library, Arena.global());
            MemorySegment base = (MemorySegment)
                    LINKER.downcallHandle(symbols.findOrThrow("OrtGetApiBase"), FunctionDescriptor.of(ADDRESS))
                            .invokeExact();
            base = base.reinterpret(2L * ADDRESS.byteSize());
            MethodHandle getApi = LINKER.downcallHandle(base.get(ADDRESS, 0), descriptor("PI"));
            MethodHandle getVersion = LINKER.downcallHandle(base.getAtIndex(ADDRESS, 1), descriptor("P"));
            libraryVersion = text((MemorySegment) getVersion.invokeExact());
            MemorySegment api = (MemorySegment) getApi.invokeExact(VERSION);
            if (api.address() == 0) {
                throw new OnnxException(
                        library + " is ONNX Runtime " + libraryVersion + "; 1." + VERSION + " or newer is needed.",
                        null);
            }
            table = api.reinterpret((MODEL_EDITOR + 1) * ADDRESS.byteSize());
            MethodHandle getEditor = function(MODEL_EDITOR, "P");
            editor = ((MemorySegment) getEditor.invokeExact()).reinterpret(20 * ADDRESS.byteSize());
            getErrorCode = function(1, "IP");
            getErrorMessage = function(2, "PP");
            releaseStatus = function(93, "VP");
        } catch (OnnxException e) {
            throw e;
        } catch (Throwable e) {
            throw new OnnxException("ONNX Runtime could not be loaded from " + library + ": " + e.getMessage(), e);
        }
    }

    /** A function of the main table. */
    MethodHandle function(int position, String types) {
        return linked.computeIfAbsent(
                position, key -> LINKER.downcallHandle(table.getAtIndex(ADDRESS, key), descriptor(types)));
    }

    /** A function of the model editor's table. */
    MethodHandle editorFunction(int position, String types) {
        return linked.computeIfAbsent(
                -1 - position, key -> LINKER.downcallHandle(editor.getAtIndex(ADDRESS, -1 - key), descriptor(types)));
    }

    /** Throws if a status is an error, after releasing it. */
    void check(MemorySegment status) throws Throwable {
        if (status.address() == 0) {
            return;
        }
        int code = (int) getErrorCode.invokeExact(status);
        String message = text((MemorySegment) getErrorMessage.invokeExact(status));
        releaseStatus.invokeExact(status);
        throw new OnnxException(code, "ONNX Runtime: " + message);
    }

    /** Calls a one-argument function that gives a new handle, {@code OrtStatus* f(T** out)}. */
    MemorySegment create(MethodHandle function) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            check((MemorySegment) function.invokeExact(out));
            return out.get(ADDRESS, 0);
        }
    }

    static String text(MemorySegment pointer) {
        return pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** Turns what a downcall threw into something unchecked. Downcalls themselves throw only our own exceptions and errors. */
    static RuntimeException rethrown(Throwable thrown) {
        return switch (thrown) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> new OnnxException("A native call failed: " + thrown.getMessage(), thrown);
        };
    }

    private static FunctionDescriptor descriptor(String types) {
        MemoryLayout[] arguments =
                types.substring(1).chars().mapToObj(NativeApi::layout).toArray(MemoryLayout[]::new);
        return types.charAt(0) == 'V'
                ? FunctionDescriptor.ofVoid(arguments)
                : FunctionDescriptor.of(layout(types.charAt(0)), arguments);
    }

    private static MemoryLayout layout(int letter) {
        return switch (letter) {
            case 'P' -> ADDRESS;
            case 'I' -> JAVA_INT;
            case 'J' -> JAVA_LONG;
            case 'Z' -> JAVA_BOOLEAN;
            default -> throw new IllegalArgumentException("no type " + (char) letter);
        };
    }
}
