package dev.slayer.server.onnx;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The owner of one native handle. Closing is idempotent and safe at any time from any thread: a handle that a native call is
 * using is released when the last such call returns. Using a closed handle throws; it never reaches native code.
 */
abstract class NativeHandle implements AutoCloseable {
    private static final AtomicLong LIVE = new AtomicLong();

    private final MemorySegment pointer;
    private final MethodHandle release;
    private int users;
    private boolean closed;
    private boolean released;

    /**
     * @param pointer the handle; must not be NULL
     * @param release {@code void f(T*)}
     */
    NativeHandle(MemorySegment pointer, MethodHandle release) {
        if (pointer.address() == 0) {
            throw new OnnxException("ONNX Runtime gave a NULL handle.", null);
        }
        this.pointer = pointer;
        this.release = release;
        LIVE.incrementAndGet();
    }

    /** Handles of this process that are not released yet: what leak tests look at. */
    static long live() {
        return LIVE.get();
    }

    /** The handle for a native call; {@link #done} must follow. @throws IllegalStateException if closed */
    final synchronized MemorySegment use() {
        if (closed) {
            throw new IllegalStateException(getClass().getSimpleName() + " is closed");
        }
        users++;
        return pointer;
    }

    /** Ends a {@link #use}. */
    final synchronized void done() {
        users--;
        releaseIfUnused();
    }

    @Override
    public synchronized void close() {
        closed = true;
        releaseIfUnused();
    }

    private void releaseIfUnused() {
        if (!closed || released || users > 0) {
            return;
        }
        released = true;
        LIVE.decrementAndGet();
        try {
            release.invokeExact(pointer);
        } catch (Throwable e) {
            throw NativeApi.rethrown(e);
        }
        released();
    }

    /** Called once after the handle is gone: the place to let go of memory that it could read. */
    void released() {}
}
