package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.slayer.server.accelerator.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * ONNX Runtime, loaded and started: one thread pool and one memory arena that all sessions share. Thread-safe. Close it after
 * everything made from it.
 */
public final class OnnxRuntime extends NativeHandle {
    private static final long DEEP_STACK = 1L << 28; // bytes, of which only those in use take memory
    private static final Map<Path, NativeApi> NAMED = new ConcurrentHashMap<>();
    private static final int LOG_FATAL = 4; // errors arrive in the status; the log would only repeat them

    final NativeApi api;
    final SessionFunctions functions;
    /** How sessions are opened. The tests have another way, which knows an operator of theirs. */
    volatile SessionFactory.Opener opener;

    private final MemorySegment cpuMemory;
    private final Map<Integer, MemorySegment> cudaMemory = new ConcurrentHashMap<>();

    private OnnxRuntime(NativeApi api, MemorySegment environment) {
        super(environment, api.function(92, "VP"));
        this.api = api;
        this.functions = new SessionFunctions(api);
        this.opener = SessionFactory.Opener.of(api);
        this.cpuMemory = registerArena();
    }

    /**
     * Loads the CPU library of the official artifact and starts it.
     *
     * @param threads threads that work on one operator, the caller's among them; at least 1. ONNX Runtime has one pool a
     *     process: while one runtime is open, a second gets the first one's threads
     * @throws OnnxException if the library cannot be loaded
     */
    public static OnnxRuntime open(int threads) {
        checkThreads(threads);
        return onDeepStack(() -> open(Loaded.API, threads));
    }

    /**
     * Loads a library of ONNX Runtime and starts it. Its providers lie beside it and what they need has been loaded before.
     *
     * @param library a file; loaded once a process, however often this is called
     * @param threads as of {@link #open(int)}
     * @throws OnnxException if the library cannot be loaded
     */
    public static OnnxRuntime open(Path library, int threads) {
        checkThreads(threads);
        Path file = library.toAbsolutePath().normalize();
        return onDeepStack(() -> open(NAMED.computeIfAbsent(file, NativeApi::new), threads));
    }

    private static void checkThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads=" + threads + " is out of range; allowed: 1 or more");
        }
    }

    /**
     * While it starts, the library matches a regular expression against the process's command line, one nested call or more for
     * each character: over some 4,000 characters that is more than the stack of a Java thread holds, and ends the process.
     */
    private static OnnxRuntime onDeepStack(Supplier<OnnxRuntime> open) {
        try {
            return CompletableFuture.supplyAsync(
                            open,
                            task -> Thread.ofPlatform()
                                    .name("onnx-start")
                                    .stackSize(DEEP_STACK)
                                    .start(task))
                    .join();
        } catch (CompletionException e) {
            throw NativeApi.rethrown(e.getCause());
        }
    }

    private static OnnxRuntime open(NativeApi api, int threads) {
        MethodHandle createOptions = api.function(121, "PP");
        MethodHandle releaseOptions = api.function(122, "VP");
        MethodHandle createEnvironment = api.function(119, "PIPPP");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment options = api.create(createOptions);
            try {
                api.check((MemorySegment) api.function(147, "PPI").invokeExact(options, threads));
                api.check((MemorySegment) api.function(148, "PPI").invokeExact(options, 1));
                MemorySegment out = arena.allocate(ADDRESS);
                api.check((MemorySegment)
                        createEnvironment.invokeExact(LOG_FATAL, arena.allocateFrom("slayer"), options, out));
                return new OnnxRuntime(api, out.get(ADDRESS, 0));
            } finally {
                releaseOptions.invokeExact(options);
            }
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    /** Version of the library, such as {@code 1.29.0}. */
    public String version() {
        return api.libraryVersion;
    }

    /**
     * Compiles a graph for the host.
     *
     * @throws OnnxException with ONNX Runtime's words if the graph is wrong
     */
    public Session session(Graph graph) {
        return session(graph, Placement.HOST, false);
    }

    /**
     * Compiles a graph.
     *
     * @param placement where it runs and where bound device memory lies
     * @param records whether its runs may be recorded and replayed, as CUDA graphs are; without meaning on the host
     * @throws OnnxException with ONNX Runtime's words if the graph is wrong or the library has no such provider
     */
    public Session session(Graph graph, Placement placement, boolean records) {
        MemorySegment environment = use();
        try {
            return SessionFactory.create(this, environment, graph, placement, records);
        } finally {
            done();
        }
    }

    MemorySegment cpuMemory() {
        return cpuMemory;
    }

    /** OrtMemoryInfo of what a placement's bound memory is. */
    MemorySegment memoryInfo(Placement placement) {
        return switch (placement.provider()) {
            case CPU -> cpuMemory;
            case CUDA -> cudaMemory.computeIfAbsent(placement.deviceId(), this::cudaMemoryInfo);
        };
    }

    private MemorySegment cudaMemoryInfo(int device) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int deviceAllocator = 0;
            int defaultMemory = 0;
            api.check((MemorySegment) api.function(68, "PPIIIP")
                    .invokeExact(arena.allocateFrom("Cuda"), deviceAllocator, device, defaultMemory, out));
            return out.get(ADDRESS, 0);
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    @Override
    void released() {
        try {
            MethodHandle release = api.function(94, "VP");
            release.invokeExact(cpuMemory);
            for (MemorySegment memory : cudaMemory.values()) {
                release.invokeExact(memory);
            }
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    /** One arena for all sessions: without it each keeps its own high-water mark. */
    private MemorySegment registerArena() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(ADDRESS);
            int arenaAllocator = 1;
            int defaultMemory = 0;
            api.check((MemorySegment) api.function(69, "PIIP").invokeExact(arenaAllocator, defaultMemory, out));
            MemorySegment memory = out.get(ADDRESS, 0);
            MethodHandle register = api.function(144, "PPPP");
            MemorySegment environment = use();
            try {
                api.check((MemorySegment) register.invokeExact(environment, memory, MemorySegment.NULL));
            } finally {
                done();
            }
            return memory;
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
    }

    /** Loaded on first use, once a process. */
    private static final class Loaded {
        private static final NativeApi API = new NativeApi(unpacked());

        private static Path unpacked() {
            return NativeLibrary.unpack();
        }
    }
}
