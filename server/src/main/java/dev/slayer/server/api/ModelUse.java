package dev.slayer.server.api;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A model while a request uses it: its checkpoint, and those that its layout takes layers of, stay loaded until this is closed.
 * Thread-safe.
 */
final class ModelUse implements AutoCloseable {
    private final ServedModel model;
    private final String shown;
    private final List<Residency> held;
    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * @param shown the model as the client named it, for replies
     * @param held entered already
     */
    ModelUse(ServedModel model, String shown, List<Residency> held) {
        this.model = model;
        this.shown = shown;
        this.held = held;
    }

    ServedModel model() {
        return model;
    }

    String shown() {
        return shown;
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            held.forEach(Residency::leave);
        }
    }
}
