package dev.slayer.training.torch;

import java.util.List;
import java.util.Optional;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;

/** CUDA devices as libtorch sees them. */
final class CudaDevices {
    private CudaDevices() {}

    /**
     * What keeps a device from being used; empty if nothing does, and then libtorch has been started and knows the device. In a build
     * without CUDA nothing is loaded.
     *
     * @param index from 0
     * @throws dev.slayer.surgery.SlayerException 500 if libtorch is there and cannot be loaded
     */
    static Optional<String> missing(int index) {
        if (!LibTorch.builtForCuda()) {
            return Optional.of(
                    "the libtorch of this build has no CUDA; build with the Maven profile gpu (training/README.md)");
        }
        LibTorch.load();
        if (!torch.cuda_is_available()) {
            return Optional.of(
                    "libtorch sees no CUDA device on this machine (torch.cuda_is_available() is false); nvidia-smi must list"
                            + " one, with a driver for CUDA 13");
        }
        int count = torch.cuda_device_count();
        if (index >= count) {
            return Optional.of("it is device " + index + " for this process, but there are " + count
                    + ": name one of 0-" + (count - 1));
        }
        Optional<String> unbound = unbound();
        if (unbound.isPresent()) {
            return unbound;
        }
        torch.globalContext().lazyInitDevice(torch.DeviceType.CUDA); // before it, the allocator knows no device
        return Optional.empty();
    }

    /** Why libtorch's allocator cannot be asked. */
    private static Optional<String> unbound() {
        try {
            Loader.load(torch_cuda.class);
            return Optional.empty();
        } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
            List<String> missing = CudaNeeds.missing(CudaNeeds.LIBRARIES);
            String why = missing.isEmpty() ? "its bindings of CUDA cannot be loaded: " + e : CudaNeeds.message(missing);
            return Optional.of(why.replaceFirst("\\.$", ""));
        }
    }
}
