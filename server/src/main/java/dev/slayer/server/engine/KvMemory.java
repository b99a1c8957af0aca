package dev.slayer.server.engine;

/** The memory that all KV caches on a device share, bounded in bytes. The engine's thread only, where not said otherwise. */
public interface KvMemory extends AutoCloseable {
    /** Bytes that caches hold. */
    long usedBytes();

    /** Bytes that caches may hold together; any thread. */
    long limitBytes();

    /** Frees all of it. Caches, and what the prefix cache has copied out of them, must have been closed before. */
    @Override
    void close();
}
