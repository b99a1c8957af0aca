package dev.slayer.server.accelerator;

/**
 * What a GPU is.
 *
 * @param id from 0, as CUDA counts those that the process may see
 * @param model such as {@code NVIDIA H200}
 * @param major of its compute capability: 9 for Hopper
 * @param minor of its compute capability
 * @param multiprocessors that compute side by side
 */
public record CudaDevice(int id, String model, int major, int minor, int multiprocessors) {
    /** What people call it, such as {@code cuda:0 (NVIDIA H200)}. */
    public String name() {
        return "cuda:" + id + " (" + model + ")";
    }

    /** As NVIDIA writes it, such as {@code 9.0}. */
    public String computeCapability() {
        return major + "." + minor;
    }
}
