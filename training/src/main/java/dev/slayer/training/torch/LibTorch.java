package dev.slayer.training.torch;

import dev.slayer.surgery.SlayerException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;

/**
 * Starts libtorch in this process, once. What JavaCPP and MKL read from properties and from the environment is set here, so that
 * no command line has to: unpacked libraries go to Slayer's cache folder, memory is not watched by JavaCPP (it takes the mapped
 * checkpoint for a leak), and MKL takes the place of OpenBLAS, whose threads and OpenMP's hinder each other.
 */
public final class LibTorch {
    private static boolean started;

    private LibTorch() {}

    /**
     * Loads the library if it is not there yet.
     *
     * @param threads of one operation; 0 for one per core
     * @throws SlayerException 500 if the library cannot be loaded here, saying why
     */
    public static void start(int threads) {
        load();
        torch.set_num_threads(threads > 0 ? threads : Runtime.getRuntime().availableProcessors());
    }

    /** Threads of one operation. */
    public static int threads() {
        return torch.get_num_threads();
    }

    /** Whether the natives of this build are those for CUDA. */
    static boolean builtForCuda() {
        return has("linux-x86_64-gpu");
    }

    private static boolean has(String platform) {
        return LibTorch.class.getResource("/org/bytedeco/pytorch/" + platform + "/libjnitorch.so") != null;
    }

    /** Loads the library if it is not there yet. @throws SlayerException 500 if it cannot be loaded here, saying why */
    static synchronized void load() {
        if (!started) {
            loadFirst();
            started = true;
        }
    }

    private static void loadFirst() {
        if (has("linux-x86_64") && builtForCuda()) {
            // Loaded together they abort the process.
            throw SlayerException.internal(
                    "this build holds libtorch twice, for the CPU and for CUDA; clean it (./mvnw clean) and build again, with the Maven"
                            + " profile gpu or without",
                    null);
        }
        System.setProperty("org.bytedeco.javacpp.maxBytes", "0");
        System.setProperty("org.bytedeco.javacpp.maxPhysicalBytes", "0");
        System.setProperty("org.bytedeco.openblas.load", "mkl");
        if (System.getProperty("org.bytedeco.javacpp.cachedir") == null) {
            System.setProperty("org.bytedeco.javacpp.cachedir", cache().toString());
        }
        // libtorch brings GNU's OpenMP; MKL would load Intel's beside it.
        setEnvironment("MKL_THREADING_LAYER", "GNU", true);
        // Threads that wait for each other soon sleep: spinning, two of them can take a hundred times as long on busy
        // cores.
        setEnvironment("GOMP_SPINCOUNT", "10000", false);
        try {
            Loader.load(torch.class);
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            List<String> missing = builtForCuda() ? CudaNeeds.missing(CudaNeeds.LIBRARIES) : List.of();
            if (!missing.isEmpty()) {
                throw SlayerException.internal(CudaNeeds.message(missing), e);
            }
            throw SlayerException.internal(
                    "libtorch cannot be loaded on " + System.getProperty("os.name") + " "
                            + System.getProperty("os.arch")
                            + ": training needs Linux x86_64, and an installation that was"
                            + " not packed --without training. " + e,
                    e);
        }
    }

    private static Path cache() {
        String home = System.getenv("XDG_CACHE_HOME");
        Path caches =
                home == null || home.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(home);
        return caches.resolve("slayer").resolve("libtorch");
    }

    /** Java cannot change its environment, the C library can; MKL asks the C library. */
    private static void setEnvironment(String name, String value, boolean replace) {
        Linker linker = Linker.nativeLinker();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment function = linker.defaultLookup().findOrThrow("setenv");
            FunctionDescriptor type = FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
            int code = (int) linker.downcallHandle(function, type)
                    .invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), replace ? 1 : 0);
            if (code != 0) {
                throw SlayerException.internal("setenv " + name + " failed with " + code, null);
            }
        } catch (Throwable e) {
            throw SlayerException.internal("the environment variable " + name + " cannot be set: " + e, e);
        }
    }
}
