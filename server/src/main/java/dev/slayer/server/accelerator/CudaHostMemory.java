package dev.slayer.server.accelerator;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Pinned memory of the host. What looks at it after its end gets an exception. */
final class CudaHostMemory implements HostMemory {
    private final Arena life = Arena.ofShared();
    private final MemorySegment segment;
    private final Runnable free;
    private boolean closed;

    /** @param free gives it back to CUDA; called once */
    CudaHostMemory(MemorySegment address, long bytes, Runnable free) {
        this.segment = address.reinterpret(bytes, life, null).fill((byte) 0);
        this.free = free;
    }

    @Override
    public MemorySegment segment() {
        return segment;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            life.close();
            free.run();
        }
    }
}
