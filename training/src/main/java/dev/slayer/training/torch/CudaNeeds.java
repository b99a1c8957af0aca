package dev.slayer.training.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;

/**
 * The libraries that libtorch's natives for CUDA link, even where they train on the processor, and besides the last one, which only asking
 * its allocator needs.
 */
final class CudaNeeds {
    /** As the natives of libtorch 2.10 for CUDA 13 name them. */
    static final List<String> LIBRARIES = List.of(
            "libcudart.so.13",
            "libcublas.so.13",
            "libcublasLt.so.13",
            "libcufft.so.12",
            "libcurand.so.10",
            "libcusparse.so.12",
            "libcusolver.so.12",
            "libcufile.so.0",
            "libcupti.so.13",
            "libcudnn.so.9",
            "libnccl.so.2",
            "libcusolverMg.so.12");

    private CudaNeeds() {}

    /** Those of some libraries that the system's linker does not find. */
    static List<String> missing(List<String> names) {
        return names.stream().filter(name -> !found(name)).toList();
    }

    private static boolean found(String name) {
        try (Arena arena = Arena.ofConfined()) {
            var _ = SymbolLookup.libraryLookup(name, arena);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** What to say of them. */
    static String message(List<String> missing) {
        return "libtorch for CUDA cannot be loaded: the linker does not find " + String.join(", ", missing)
                + ". Install CUDA 13 with CUPTI, cuDNN 9 and NCCL 2, and let LD_LIBRARY_PATH name their folders, or build"
                + " without the Maven profile gpu to train on the processor.";
    }
}
