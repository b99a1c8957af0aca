package dev.slayer.server.accelerator;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/** Memory taken from a device; whoever took it closes it. Thread-safe. */
public final class DeviceMemory implements AutoCloseable {
    private static final AtomicLong LIVE_BYTES = new AtomicLong();

    private final DeviceSlice all;
    private final Runnable free;
    private final AtomicBoolean closed = new AtomicBoolean();

    /** @param free gives the memory back to the device; called once */
    public DeviceMemory(DeviceSlice all, Runnable free) {
        this.all = all;
        this.free = free;
        LIVE_BYTES.addAndGet(all.bytes());
    }

    /** All of it. @throws IllegalStateException if it has been closed */
    public DeviceSlice all() {
        if (closed.get()) {
            throw new IllegalStateException("device memory of " + all.bytes() + " bytes is closed");
        }
        return all;
    }

    /** Its length. */
    public long bytes() {
        return all.bytes();
    }

    /** Bytes of this process that are taken and not given back yet: what leak tests look at. */
    public static long liveBytes() {
        return LIVE_BYTES.get();
    }

    /** Gives it back. Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            LIVE_BYTES.addAndGet(-all.bytes());
            free.run();
        }
    }
}
