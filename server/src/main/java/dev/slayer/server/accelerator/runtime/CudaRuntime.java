package dev.slayer.server.accelerator.runtime;

import dev.slayer.server.accelerator.CudaLibrary;
import dev.slayer.surgery.SlayerException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * All that running on CUDA takes, found on this machine: a build of ONNX Runtime, CUDA's libraries, a driver.
 *
 * @param library of ONNX Runtime, to be loaded after {@link #load}
 * @param version of ONNX Runtime
 * @param origin where the library comes from, such as {@code pip's onnxruntime-gpu}
 * @param libraries of CUDA, in an order in which each finds those that it needs
 * @param cudart CUDA's runtime library, one of them
 * @param driverVersion newest CUDA that the driver runs, such as 13000 for 13.0
 * @param devices GPUs that there are
 * @param operators what this version's operators can do
 */
public record CudaRuntime(
        Path library,
        LibraryVersion version,
        String origin,
        List<Path> libraries,
        Path cudart,
        int driverVersion,
        int devices,
        OperatorSupport operators) {
    public CudaRuntime {
        libraries = List.copyOf(libraries);
    }

    /**
     * Looks for it: the named library, else that of a bundle, else pip's onnxruntime-gpu, else the one of the class path; CUDA's libraries in
     * LD_LIBRARY_PATH, beside it, in pip's nvidia folders, /usr/local/cuda* and where the system's linker looks.
     *
     * @param named file or folder of ONNX Runtime, if the user named one
     * @param environment the process's variables
     * @param devices ids that are to be used
     * @throws SlayerException 500 {@code cuda_unavailable} naming everything that is missing at once
     */
    public static CudaRuntime find(Optional<Path> named, Map<String, String> environment, List<Integer> devices) {
        return new CudaRuntimeSearch(Places.ofThisMachine(named, environment), CudaDriver::of).find(devices);
    }

    /**
     * Loads CUDA's libraries, so that ONNX Runtime's provider finds them by name wherever they lie.
     *
     * @throws SlayerException 500 {@code cuda_error} with the linker's words if one cannot be loaded
     */
    public CudaLibrary load() {
        for (Path each : libraries) {
            try {
                var _ = SymbolLookup.libraryLookup(each, Arena.global());
            } catch (IllegalArgumentException e) {
                throw new SlayerException(
                        500, "cuda_error", null, each + " could not be loaded: " + e.getMessage() + ".", e);
            }
        }
        return CudaLibrary.load(cudart);
    }

    /** CUDA of the libraries, as people write it. */
    public String cudaVersion() {
        return Integer.toString(OnnxRuntimeSearch.CUDA);
    }

    /** CUDA that the driver runs, as people write it: 13.0. */
    public String driver() {
        return CudaDriver.text(driverVersion);
    }
}
