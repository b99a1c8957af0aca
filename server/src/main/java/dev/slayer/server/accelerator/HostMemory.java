package dev.slayer.server.accelerator;

import java.lang.foreign.MemorySegment;

/** Host memory that a device's copies reach fastest; whoever took it closes it. */
public interface HostMemory extends AutoCloseable {
    /** The memory; until it is closed. */
    MemorySegment segment();

    /** Gives it back. Idempotent. */
    @Override
    void close();
}
