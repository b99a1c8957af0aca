package dev.slayer.training.torch;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.cuda.DeviceAllocator;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;

/** Memory of a CUDA device that libtorch's caching allocator gives out. Its class is in the natives of the profile gpu only. */
final class DeviceMemory {
    private DeviceMemory() {}

    /** Forgets the peak so far. */
    static void forgetPeak(int device) {
        try (PointerScope _ = new PointerScope()) {
            allocator().resetPeakStats((byte) device);
        }
    }

    /** Most bytes that tensors had at once since {@link #forgetPeak}, what the allocator kept besides not counted. */
    static long peakBytes(int device) {
        try (PointerScope _ = new PointerScope()) {
            return allocator().getDeviceStats((byte) device).allocated_bytes().peak();
        }
    }

    private static DeviceAllocator allocator() {
        return torch_cuda.getDeviceAllocator(torch.DeviceType.CUDA);
    }
}
