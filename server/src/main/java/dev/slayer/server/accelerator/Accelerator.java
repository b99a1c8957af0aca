package dev.slayer.server.accelerator;

import java.lang.foreign.MemorySegment;

/**
 * A device with memory of its own and one queue of work: what ONNX Runtime computes on it and the copies below follow one another in
 * the order in which they were asked for. The plain twin in the tests keeps its memory in the host's and does all at once.
 *
 * <p>Memory may be taken and filled by any thread; what goes through the queue belongs to the engine's thread.
 */
public interface Accelerator extends AutoCloseable {
    /** What people call it, such as {@code cuda:0 (NVIDIA H200)}. */
    String name();

    /** Bytes of memory that nobody has taken. */
    long freeBytes();

    /** All its bytes. */
    long totalBytes();

    /**
     * Takes memory, its contents undefined, aligned to 256 bytes. Any thread.
     *
     * @param bytes at least 1
     * @throws dev.slayer.surgery.SlayerException 507 {@code device_memory_exhausted} if there is not so much, naming both numbers
     */
    DeviceMemory allocate(long bytes);

    /**
     * Fills memory from the host's; returns when it has arrived. Any thread, beside the queue.
     *
     * @param from native memory, or a file's map, of just the target's bytes
     */
    void fill(MemorySegment from, DeviceSlice to);

    /**
     * Host memory that copies reach fastest, aligned to 64 bytes and zero at first. Any thread.
     *
     * @return to be closed after the last copy from or to it
     */
    HostMemory allocateHost(long bytes);

    /**
     * Queues a copy to the device.
     *
     * @param from of {@link #allocateHost}; must stay as it is until the queue has passed it
     */
    void upload(MemorySegment from, DeviceSlice to);

    /**
     * Queues a copy from the device.
     *
     * @param to of {@link #allocateHost}; holds it after {@link #await}
     */
    void download(DeviceSlice from, MemorySegment to);

    /** Queues a copy within the device; the two must not overlap. */
    void copy(DeviceSlice from, DeviceSlice to);

    /** Queues that memory becomes zero. */
    void zero(DeviceSlice memory);

    /** Returns when all that was queued is done. @throws dev.slayer.surgery.SlayerException if some of it failed */
    void await();

    /** Where kernels run: ONNX Runtime's settings for a session on this device and queue. */
    Placement placement();

    /** A further queue on the same device and for its memory, for another thread; to be closed by the caller. */
    Accelerator another();

    /**
     * Does something that may take memory behind this interface, as a run of ONNX Runtime may; waits while somebody is alone. Others may be
     * among as well.
     */
    void among(Runnable action);

    /**
     * Does something that nothing else on any device may overlap with: no other thread takes, gives back or fills memory meanwhile, as
     * recording a CUDA graph demands. Does not wait for those who are at it now: a training step among them takes seconds.
     *
     * @return false if it was not done, because somebody is at it; also within {@link #among}
     */
    boolean alone(Runnable action);

    /** Ends the queue. All memory must have been closed before. */
    @Override
    void close();
}
