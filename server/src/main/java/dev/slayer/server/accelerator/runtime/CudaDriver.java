package dev.slayer.server.accelerator.runtime;

import dev.slayer.server.accelerator.CudaLibrary;
import java.nio.file.Path;

/**
 * The driver, as CUDA's runtime library sees it.
 *
 * @param version newest CUDA that it runs, such as 13000 for 13.0; 0 if there is no driver
 * @param devices GPUs that this process may use
 */
record CudaDriver(int version, int devices) {
    /** Asks for it. */
    interface Probe {
        /** Asks CUDA's runtime library for it. @throws dev.slayer.surgery.SlayerException 500 {@code cuda_error} if it refuses */
        CudaDriver ask(Path cudart);
    }

    /** By loading the library. */
    static CudaDriver of(Path cudart) {
        CudaLibrary cuda = CudaLibrary.load(cudart);
        int version = cuda.driverVersion();
        // A driver older than the library refuses every other call.
        boolean usable = version / 1000 >= cuda.runtimeVersion() / 1000;
        return new CudaDriver(version, usable ? cuda.deviceCount() : 0);
    }

    /** As people write it: 13.0. */
    static String text(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
