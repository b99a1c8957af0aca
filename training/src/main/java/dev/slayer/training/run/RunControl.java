package dev.slayer.training.run;

import java.util.concurrent.atomic.AtomicBoolean;

/** How others stop a run: it ends after the step that it is in, with a checkpoint. Thread-safe. */
public final class RunControl {
    private final AtomicBoolean stop = new AtomicBoolean();

    /** Asks the run to end. */
    public void stop() {
        stop.set(true);
    }

    /** Whether it was asked to. */
    public boolean stopped() {
        return stop.get();
    }
}
