package dev.slayer.server.engine.packed;

import java.util.Deque;

/** Takes apart what was put together, the newest first. */
final class Closing {
    private Closing() {}

    /** Closes and forgets all. */
    static void all(Deque<AutoCloseable> opened) {
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException("a part could not be closed: " + e.getMessage(), e);
            }
        }
    }
}
