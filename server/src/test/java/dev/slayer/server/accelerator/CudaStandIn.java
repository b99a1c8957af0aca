package dev.slayer.server.accelerator;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The stand-in for CUDA's runtime (see standin.c), compiled and loaded once a process, and what tests ask of it. */
public final class CudaStandIn {
    private static final int HOST = 0;
    private static final int DEVICE = 1;

    private final Path library;
    private final SymbolLookup symbols;

    private CudaStandIn(Path library) {
        this.library = library;
        this.symbols = SymbolLookup.libraryLookup(library, Arena.global());
    }

    /** Empty where no C compiler is on the path. */
    public static Optional<CudaStandIn> get() {
        return Holder.STAND_IN;
    }

    /** The shared library. */
    public Path library() {
        return library;
    }

    /**
     * Makes another real library, that others find by its name only.
     *
     * @param code in C
     * @param needed libraries that it loads, by their names
     */
    public static Path build(Path library, String code, Path... needed) {
        return Holder.build(Holder.compiler().orElseThrow(), code, library, List.of(needed));
    }

    /** Memory that each device and the host's pinned memory have together. */
    void total(long bytes) {
        call("standin_total", FunctionDescriptor.ofVoid(JAVA_LONG), bytes);
    }

    /** Makes the next call of a function fail. */
    void fail(String function, int code) {
        try (Arena arena = Arena.ofConfined()) {
            call("standin_fail", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT), arena.allocateFrom(function), code);
        }
    }

    /** From now on, or no longer, calls of other threads disturb a recording of this one. */
    void record(boolean on) {
        call("standin_record", FunctionDescriptor.ofVoid(JAVA_INT), on ? 1 : 0);
    }

    /** What the library would tell the next who asks. */
    int lastError() {
        return (int) call("standin_last_error", FunctionDescriptor.of(JAVA_INT));
    }

    /** Streams that there are. */
    int streams() {
        return (int) call("standin_streams", FunctionDescriptor.of(JAVA_INT));
    }

    /** Pieces of pinned memory that are taken. */
    int pinned() {
        return (int) call("standin_regions", FunctionDescriptor.of(JAVA_INT, JAVA_INT), HOST);
    }

    /** Pieces of device memory that are taken. */
    int taken() {
        return (int) call("standin_regions", FunctionDescriptor.of(JAVA_INT, JAVA_INT), DEVICE);
    }

    private Object call(String name, FunctionDescriptor descriptor, Object... arguments) {
        try {
            MethodHandle function = Linker.nativeLinker().downcallHandle(symbols.findOrThrow(name), descriptor);
            return function.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static final class Holder {
        private static final Optional<CudaStandIn> STAND_IN = compiler().map(Holder::compile);

        private static Optional<String> compiler() {
            return Stream.of("cc", "gcc", "clang").filter(Holder::works).findFirst();
        }

        private static boolean works(String compiler) {
            return Stream.of(System.getenv("PATH").split(":"))
                    .anyMatch(folder -> Files.isExecutable(Path.of(folder, compiler)));
        }

        private static CudaStandIn compile(String compiler) {
            try (InputStream source = CudaStandIn.class.getResourceAsStream("/cuda/standin.c")) {
                Path library = Files.createTempDirectory("cuda-stand-in").resolve("libcudart.so.13");
                String code = new String(source.readAllBytes(), StandardCharsets.UTF_8);
                return new CudaStandIn(build(compiler, code, library, List.of()));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        private static Path build(String compiler, String code, Path library, List<Path> needed) {
            List<String> command = new ArrayList<>(List.of(
                    compiler,
                    "-std=gnu11",
                    "-Wall",
                    "-Werror",
                    "-O1",
                    "-shared",
                    "-fPIC",
                    "-pthread",
                    "-z",
                    "noexecstack",
                    "-Wl,--no-as-needed",
                    "-Wl,-soname," + library.getFileName(),
                    "-o",
                    library.toString(),
                    "-x",
                    "c",
                    "-"));
            command.addAll(List.of("-x", "none"));
            needed.forEach(path -> command.add(path.toString()));
            try {
                Files.createDirectories(library.getParent());
                Process process =
                        new ProcessBuilder(command).redirectErrorStream(true).start();
                try (OutputStream in = process.getOutputStream()) {
                    in.write(code.getBytes(StandardCharsets.UTF_8));
                }
                String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                if (process.waitFor() != 0) {
                    throw new AssertionError(compiler + " failed:\n" + output);
                }
                return library;
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }
}
