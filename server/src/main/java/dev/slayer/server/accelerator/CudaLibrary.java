package dev.slayer.server.accelerator;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.surgery.SlayerException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The CUDA runtime library, as far as this project calls it: devices, memory, streams, copies. Loaded once, never unloaded.
 * Thread-safe; which device a call means is a state of each thread that {@link #use} sets.
 *
 * <p>Signatures are those of cuda_runtime_api.h of CUDA 13. Each function returns a cudaError_t, 0 for success.
 */
public final class CudaLibrary {
    static final int HOST_TO_DEVICE = 1; // cudaMemcpyKind
    static final int DEVICE_TO_HOST = 2;
    static final int DEVICE_TO_DEVICE = 3;

    private static final int OUT_OF_MEMORY = 2; // cudaErrorMemoryAllocation
    private static final int NON_BLOCKING = 1; // cudaStreamNonBlocking: does not wait for the default stream
    private static final int MULTIPROCESSORS = 16; // cudaDeviceAttr
    private static final int CAPABILITY_MAJOR = 75;
    private static final int CAPABILITY_MINOR = 76;
    private static final int PROPERTIES_BYTES = 1 << 14; // of cudaDeviceProp some 1 KiB is used, the name first
    private static final int NAME_BYTES = 256;

    // Shared by those who take, give back or fill memory, alone for who records: a recording is disturbed by calls for
    // any device. Nobody waits to be alone, so those who share wait for a recording only.
    private final ReadWriteLock access = new ReentrantReadWriteLock();

    private final SymbolLookup symbols;
    private final MethodHandle getDeviceCount;
    private final MethodHandle setDevice;
    private final MethodHandle getAttribute;
    private final MethodHandle getProperties;
    private final MethodHandle driverGetVersion;
    private final MethodHandle runtimeGetVersion;
    private final MethodHandle memGetInfo;
    private final MethodHandle malloc;
    private final MethodHandle free;
    private final MethodHandle mallocHost;
    private final MethodHandle freeHost;
    private final MethodHandle memcpyAsync;
    private final MethodHandle memsetAsync;
    private final MethodHandle streamCreate;
    private final MethodHandle streamSynchronize;
    private final MethodHandle streamDestroy;
    private final MethodHandle getLastError;
    private final MethodHandle getErrorName;
    private final MethodHandle getErrorString;

    private CudaLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
        getDeviceCount = function("cudaGetDeviceCount", JAVA_INT, ADDRESS);
        setDevice = function("cudaSetDevice", JAVA_INT, JAVA_INT);
        getAttribute = function("cudaDeviceGetAttribute", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
        String properties = symbols.find("cudaGetDeviceProperties").isPresent()
                ? "cudaGetDeviceProperties"
                : "cudaGetDeviceProperties_v2";
        getProperties = function(properties, JAVA_INT, ADDRESS, JAVA_INT);
        driverGetVersion = function("cudaDriverGetVersion", JAVA_INT, ADDRESS);
        runtimeGetVersion = function("cudaRuntimeGetVersion", JAVA_INT, ADDRESS);
        memGetInfo = function("cudaMemGetInfo", JAVA_INT, ADDRESS, ADDRESS);
        malloc = function("cudaMalloc", JAVA_INT, ADDRESS, JAVA_LONG);
        free = function("cudaFree", JAVA_INT, ADDRESS);
        mallocHost = function("cudaMallocHost", JAVA_INT, ADDRESS, JAVA_LONG);
        freeHost = function("cudaFreeHost", JAVA_INT, ADDRESS);
        memcpyAsync = function("cudaMemcpyAsync", JAVA_INT, ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, ADDRESS);
        memsetAsync = function("cudaMemsetAsync", JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS);
        streamCreate = function("cudaStreamCreateWithFlags", JAVA_INT, ADDRESS, JAVA_INT);
        streamSynchronize = function("cudaStreamSynchronize", JAVA_INT, ADDRESS);
        streamDestroy = function("cudaStreamDestroy", JAVA_INT, ADDRESS);
        getLastError = function("cudaGetLastError", JAVA_INT);
        getErrorName = function("cudaGetErrorName", ADDRESS, JAVA_INT);
        getErrorString = function("cudaGetErrorString", ADDRESS, JAVA_INT);
    }

    /**
     * Loads the library. Those that were loaded before, by whomever, serve what it needs of the same name.
     *
     * @throws SlayerException 500 {@code cuda_error} if it cannot be loaded, or is another library
     */
    public static CudaLibrary load(Path library) {
        try {
            return new CudaLibrary(SymbolLookup.libraryLookup(library, Arena.global()));
        } catch (IllegalArgumentException e) {
            throw failure("The CUDA runtime could not be loaded from " + library + ": " + e.getMessage(), e);
        }
    }

    /** GPUs that this process may use. @throws SlayerException 500 {@code cuda_error}, for instance if there is no driver */
    public int deviceCount() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_INT);
            check("counting devices", (int) getDeviceCount.invokeExact(count));
            return count.get(JAVA_INT, 0);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** The newest CUDA that the driver can run, such as 13000 for 13.0; 0 if there is no driver. */
    public int driverVersion() {
        return version(driverGetVersion);
    }

    /** CUDA that this library is of, such as 13000 for 13.0. */
    public int runtimeVersion() {
        return version(runtimeGetVersion);
    }

    /**
     * What a device is.
     *
     * @param id from 0
     * @throws SlayerException 500 {@code cuda_error} if there is none
     */
    public CudaDevice device(int id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment properties = arena.allocate(PROPERTIES_BYTES, 8);
            check("asking for cuda:" + id, (int) getProperties.invokeExact(properties, id));
            properties.set(JAVA_BYTE, NAME_BYTES - 1, (byte) 0);
            return new CudaDevice(
                    id,
                    properties.getString(0),
                    attribute(CAPABILITY_MAJOR, id),
                    attribute(CAPABILITY_MINOR, id),
                    attribute(MULTIPROCESSORS, id));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    ReadWriteLock access() {
        return access;
    }

    /**
     * For those who call CUDA by other libraries in this process: while a thread holds it, nobody records, and it waits while somebody
     * does. Nobody waits for who holds it, however long.
     */
    public Lock shared() {
        return access.readLock();
    }

    /** Opens a device; to be closed by the caller. @throws SlayerException 500 {@code cuda_error} if it cannot be used */
    public CudaAccelerator open(int id) {
        return new CudaAccelerator(this, device(id));
    }

    /** Makes a device that which this thread's calls are about. */
    void use(int id) {
        try {
            check("choosing cuda:" + id, (int) setDevice.invokeExact(id));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Bytes of the thread's device. */
    Memory memory() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment free = arena.allocate(JAVA_LONG);
            MemorySegment total = arena.allocate(JAVA_LONG);
            check("asking for free memory", (int) memGetInfo.invokeExact(free, total));
            return new Memory(free.get(JAVA_LONG, 0), total.get(JAVA_LONG, 0));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Bytes of a device. */
    record Memory(long free, long total) {}

    /** Address of memory of the thread's device; empty if there is not so much. */
    Optional<MemorySegment> allocate(long bytes) {
        return allocated(malloc, "taking " + bytes + " bytes", bytes);
    }

    void free(MemorySegment memory) {
        call(free, "giving memory back", memory);
    }

    /** Address of pinned memory of the host; empty if there is not so much. */
    Optional<MemorySegment> allocateHost(long bytes) {
        return allocated(mallocHost, "pinning " + bytes + " bytes", bytes);
    }

    void freeHost(MemorySegment memory) {
        call(freeHost, "giving pinned memory back", memory);
    }

    /** A stream of the thread's device. */
    MemorySegment stream() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment stream = arena.allocate(ADDRESS);
            check("making a stream", (int) streamCreate.invokeExact(stream, NON_BLOCKING));
            return stream.get(ADDRESS, 0);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Returns when all of the stream is done; reports what of it failed. */
    void await(MemorySegment stream) {
        call(streamSynchronize, "waiting for the device", stream);
    }

    void destroy(MemorySegment stream) {
        call(streamDestroy, "ending a stream", stream);
    }

    /**
     * Queues a copy.
     *
     * @param kind from which side to which, cudaMemcpyKind
     */
    void copy(MemorySegment to, MemorySegment from, long bytes, int kind, MemorySegment stream) {
        try {
            check("copying " + bytes + " bytes", (int) memcpyAsync.invokeExact(to, from, bytes, kind, stream));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Queues that memory becomes zero. */
    void zero(MemorySegment memory, long bytes, MemorySegment stream) {
        try {
            check("zeroing " + bytes + " bytes", (int) memsetAsync.invokeExact(memory, 0, bytes, stream));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private Optional<MemorySegment> allocated(MethodHandle function, String action, long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address = arena.allocate(ADDRESS);
            int code = (int) function.invokeExact(address, bytes);
            if (code == OUT_OF_MEMORY) {
                // Otherwise the next who asks for the last error takes this one for its own.
                var _ = (int) getLastError.invokeExact();
                return Optional.empty();
            }
            check(action, code);
            return Optional.of(address.get(ADDRESS, 0));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private void call(MethodHandle function, String action, MemorySegment argument) {
        try {
            check(action, (int) function.invokeExact(argument));
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private int attribute(int attribute, int id) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment value = arena.allocate(JAVA_INT);
            check("asking for cuda:" + id, (int) getAttribute.invokeExact(value, attribute, id));
            return value.get(JAVA_INT, 0);
        }
    }

    private int version(MethodHandle function) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment version = arena.allocate(JAVA_INT);
            check("asking for a version", (int) function.invokeExact(version));
            return version.get(JAVA_INT, 0);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private void check(String action, int code) throws Throwable {
        if (code == 0) {
            return;
        }
        String name = text((MemorySegment) getErrorName.invokeExact(code));
        String words = text((MemorySegment) getErrorString.invokeExact(code));
        var _ = (int) getLastError.invokeExact();
        throw failure("CUDA: " + action + " failed with " + name + " (" + code + "): " + words + ".", null);
    }

    private static String text(MemorySegment pointer) {
        return pointer.address() == 0
                ? "no text"
                : pointer.reinterpret(Long.MAX_VALUE).getString(0);
    }

    private MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
        MemorySegment symbol =
                symbols.find(name).orElseThrow(() -> new IllegalArgumentException("it has no function " + name));
        return Linker.nativeLinker().downcallHandle(symbol, FunctionDescriptor.of(result, arguments));
    }

    private static SlayerException failure(String message, Throwable cause) {
        return new SlayerException(500, "cuda_error", null, message, cause);
    }

    private static RuntimeException rethrown(Throwable thrown) {
        return switch (thrown) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            default -> failure("A call of CUDA failed: " + thrown.getMessage(), thrown);
        };
    }
}
