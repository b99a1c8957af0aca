package dev.slayer.server.accelerator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The plain twin of a device: its memory is the host's, and what is queued is done at once. Fresh memory holds NaN, so that whoever
 * reads what nobody wrote is found out; the total is bounded, so that it can run out.
 */
public final class HostAccelerator implements Accelerator {
    private final long totalBytes;
    private final AtomicLong usedBytes = new AtomicLong();
    private final AtomicLong hostBytes = new AtomicLong();
    private final ReadWriteLock access = new ReentrantReadWriteLock();
    private final AtomicInteger aloneCount = new AtomicInteger();
    private final AtomicInteger copies = new AtomicInteger();

    /** @param totalBytes that can be taken */
    public HostAccelerator(long totalBytes) {
        this.totalBytes = totalBytes;
    }

    @Override
    public String name() {
        return "host";
    }

    @Override
    public long freeBytes() {
        return totalBytes - usedBytes.get();
    }

    @Override
    public long totalBytes() {
        return totalBytes;
    }

    /** Bytes of {@link #allocateHost} that are not given back. */
    public long hostBytes() {
        return hostBytes.get();
    }

    @Override
    public DeviceMemory allocate(long bytes) {
        if (usedBytes.addAndGet(bytes) > totalBytes) {
            usedBytes.addAndGet(-bytes);
            throw new dev.slayer.surgery.SlayerException(
                    507,
                    "device_memory_exhausted",
                    null,
                    "The device has " + freeBytes() + " bytes left, not " + bytes + ".",
                    null);
        }
        Arena arena = Arena.ofShared();
        DeviceSlice all = new DeviceSlice(arena.allocate(bytes, 256).address(), bytes);
        spoil(all);
        return new DeviceMemory(all, () -> {
            usedBytes.addAndGet(-bytes);
            arena.close();
        });
    }

    /** Fills memory with what is no number: who reads what nobody wrote shows. */
    public static void spoil(DeviceSlice memory) {
        MemorySegment all = at(memory);
        for (long i = 0; i + Integer.BYTES <= all.byteSize(); i += Integer.BYTES) {
            all.set(ValueLayout.JAVA_INT, i, 0x7fc0_0000);
        }
    }

    private static MemorySegment at(DeviceSlice slice) {
        return MemorySegment.ofAddress(slice.address()).reinterpret(slice.bytes());
    }

    @Override
    public void fill(MemorySegment from, DeviceSlice to) {
        copy(from, at(to));
    }

    @Override
    public HostMemory allocateHost(long bytes) {
        Arena arena = Arena.ofShared();
        MemorySegment memory = arena.allocate(bytes, 64);
        hostBytes.addAndGet(bytes);
        return new HostMemory() {
            @Override
            public MemorySegment segment() {
                return memory;
            }

            @Override
            public void close() {
                if (arena.scope().isAlive()) {
                    hostBytes.addAndGet(-bytes);
                    arena.close();
                }
            }
        };
    }

    @Override
    public void upload(MemorySegment from, DeviceSlice to) {
        copy(from, at(to));
    }

    @Override
    public void download(DeviceSlice from, MemorySegment to) {
        copy(at(from), to);
    }

    @Override
    public void copy(DeviceSlice from, DeviceSlice to) {
        copies.incrementAndGet();
        copy(at(from), at(to));
    }

    private static void copy(MemorySegment from, MemorySegment to) {
        if (from.byteSize() != to.byteSize()) {
            throw new IllegalArgumentException("a copy of " + from.byteSize() + " bytes to " + to.byteSize());
        }
        to.copyFrom(from);
    }

    @Override
    public void zero(DeviceSlice memory) {
        at(memory).fill((byte) 0);
    }

    @Override
    public void await() {}

    @Override
    public Placement placement() {
        return Placement.HOST;
    }

    @Override
    public Accelerator another() {
        return this;
    }

    @Override
    public void among(Runnable action) {
        access.readLock().lock();
        try {
            action.run();
        } finally {
            access.readLock().unlock();
        }
    }

    @Override
    public boolean alone(Runnable action) {
        if (!access.writeLock().tryLock()) {
            return false;
        }
        try {
            action.run();
        } finally {
            access.writeLock().unlock();
        }
        aloneCount.incrementAndGet();
        return true;
    }

    /** How many copies within the device were asked for. */
    public int copies() {
        return copies.get();
    }

    /** How often something was done alone. */
    public int aloneCount() {
        return aloneCount.get();
    }

    @Override
    public void close() {}
}
