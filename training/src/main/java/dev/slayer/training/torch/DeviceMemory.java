package dev.slayer.training.torch;

import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.SizeTPair;
import org.bytedeco.pytorch.cuda.DeviceAllocator;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Memory of a CUDA device that libtorch's caching allocator gives out. Its class is in the natives of the profile gpu only. The device
 * must have been found by {@link CudaDevices#missing}.
 */
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

    /** All bytes of a device. */
    static long totalBytes(int device) {
        try (PointerScope _ = new PointerScope()) {
            return info(device).second();
        }
    }

    /** Bytes of a device that nobody has taken, this process or another. */
    static long freeBytes(int device) {
        try (PointerScope _ = new PointerScope()) {
            return info(device).first();
        }
    }

    /** From now on the allocator takes so many bytes of a device at most, those that it keeps for later included. */
    static void limit(int device, long bytes) {
        try (PointerScope _ = new PointerScope()) {
            double share = (double) bytes / (double) info(device).second();
            torch_cuda.getAllocator().setMemoryFraction(Math.min(1, share), (byte) device);
        }
    }

    /** Gives back to all devices what no tensor uses. */
    static void giveBack() {
        try (PointerScope _ = new PointerScope()) {
            torch_cuda.clearCublasWorkspaces();
            allocator().emptyCache();
        }
    }

    /** Free bytes first, then all. */
    private static SizeTPair info(int device) {
        return allocator().getMemoryInfo((byte) device);
    }

    private static DeviceAllocator allocator() {
        return torch_cuda.getDeviceAllocator(torch.DeviceType.CUDA);
    }
}
