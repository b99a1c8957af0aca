package dev.slayer.server.accelerator;

import dev.slayer.surgery.SlayerException;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * A GPU by the CUDA runtime: memory, one stream that is its queue, and a second way in for weights. Each call chooses its device first,
 * since that is a state of the calling thread and other code may have changed it.
 */
public final class CudaAccelerator implements Accelerator {
    private final CudaLibrary cuda;
    private final CudaDevice device;
    private final MemorySegment stream;
    private final CudaStaging staging;
    private final ReadWriteLock access;
    private final AtomicBoolean closed = new AtomicBoolean();

    CudaAccelerator(CudaLibrary cuda, CudaDevice device) {
        this.cuda = cuda;
        this.device = device;
        this.access = cuda.access();
        cuda.use(device.id());
        this.stream = cuda.stream();
        this.staging = new CudaStaging(this, cuda);
    }

    /** What it is. */
    public CudaDevice device() {
        return device;
    }

    @Override
    public String name() {
        return device.name();
    }

    @Override
    public long freeBytes() {
        return memory().free();
    }

    @Override
    public long totalBytes() {
        return memory().total();
    }

    @Override
    public DeviceMemory allocate(long bytes) {
        MemorySegment address = taken(bytes, cuda::allocate, "the device's memory");
        return new DeviceMemory(new DeviceSlice(address.address(), bytes), () -> shared(() -> cuda.free(address)));
    }

    @Override
    public HostMemory allocateHost(long bytes) {
        MemorySegment address = taken(bytes, cuda::allocateHost, "host memory that the device can read");
        return new CudaHostMemory(address, bytes, () -> shared(() -> cuda.freeHost(address)));
    }

    @Override
    public void fill(MemorySegment from, DeviceSlice to) {
        sameLength(from, to);
        long done = 0;
        while (done < from.byteSize()) {
            long length = Math.min(CudaStaging.SPAN_BYTES, from.byteSize() - done);
            MemorySegment span = from.asSlice(done, length);
            DeviceSlice target = to.slice(done, length);
            shared(() -> staging.fill(span, target));
            done += length;
        }
    }

    @Override
    public void upload(MemorySegment from, DeviceSlice to) {
        sameLength(from, to);
        use();
        cuda.copy(address(to), from, to.bytes(), CudaLibrary.HOST_TO_DEVICE, stream);
    }

    @Override
    public void download(DeviceSlice from, MemorySegment to) {
        sameLength(to, from);
        use();
        cuda.copy(to, address(from), from.bytes(), CudaLibrary.DEVICE_TO_HOST, stream);
    }

    @Override
    public void copy(DeviceSlice from, DeviceSlice to) {
        if (from.bytes() != to.bytes()) {
            throw new IllegalArgumentException(from.bytes() + " bytes do not fill " + to.bytes());
        }
        use();
        cuda.copy(address(to), address(from), to.bytes(), CudaLibrary.DEVICE_TO_DEVICE, stream);
    }

    @Override
    public void zero(DeviceSlice memory) {
        use();
        cuda.zero(address(memory), memory.bytes(), stream);
    }

    @Override
    public void await() {
        use();
        cuda.await(stream);
    }

    /**
     * {@inheritDoc} All work of a session goes through this device's queue, copies included; its own memory grows by what is asked for
     * only; float32 products stay float32. Recording of CUDA graphs is the caller's choice and not among the options.
     */
    @Override
    public Placement placement() {
        Map<String, String> options = Map.of(
                "device_id", Integer.toString(device.id()),
                "has_user_compute_stream", "1",
                "user_compute_stream", Long.toUnsignedString(stream.address()),
                "do_copy_in_default_stream", "1",
                "arena_extend_strategy", "kSameAsRequested",
                "use_tf32", "0");
        return new Placement(Placement.Provider.CUDA, device.id(), options, stream.address());
    }

    @Override
    public Accelerator another() {
        return new CudaAccelerator(cuda, device);
    }

    @Override
    public void among(Runnable action) {
        shared(action);
    }

    @Override
    public boolean alone(Runnable action) {
        Lock lock = access.writeLock();
        if (!lock.tryLock()) {
            return false;
        }
        try {
            action.run();
        } finally {
            lock.unlock();
        }
        return true;
    }

    /** {@inheritDoc} Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            staging.close();
            use();
            cuda.destroy(stream);
        }
    }

    /** Makes this thread's calls be about this device. */
    void use() {
        cuda.use(device.id());
    }

    static MemorySegment address(DeviceSlice slice) {
        return MemorySegment.ofAddress(slice.address());
    }

    private CudaLibrary.Memory memory() {
        use();
        return cuda.memory();
    }

    private MemorySegment taken(long bytes, Function<Long, Optional<MemorySegment>> take, String what) {
        if (bytes < 1) {
            throw new IllegalArgumentException(bytes + " bytes are no memory; allowed: 1 or more");
        }
        return shared(() -> take.apply(bytes).orElseThrow(() -> exhausted(bytes, what)));
    }

    private SlayerException exhausted(long bytes, String what) {
        CudaLibrary.Memory memory = cuda.memory();
        return new SlayerException(
                507,
                "device_memory_exhausted",
                null,
                device.name() + " has no " + bytes + " bytes of " + what + " left: " + memory.free() + " of its "
                        + memory.total() + " bytes are free. Give it less to keep, such as a smaller --kv-memory, or"
                        + " end what else uses the device.",
                null);
    }

    private void shared(Runnable action) {
        shared(() -> {
            action.run();
            return null;
        });
    }

    private <T> T shared(Supplier<T> action) {
        Lock lock = access.readLock();
        lock.lock();
        try {
            use();
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    private static void sameLength(MemorySegment host, DeviceSlice slice) {
        if (host.byteSize() != slice.bytes()) {
            throw new IllegalArgumentException(
                    host.byteSize() + " bytes of the host are not the device's " + slice.bytes());
        }
        if (!host.isNative()) {
            throw new IllegalArgumentException("a device cannot read or write the memory of a Java array");
        }
    }
}
