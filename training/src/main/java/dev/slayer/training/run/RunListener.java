package dev.slayer.training.run;

/** Told what a run does, on the thread that trains. */
@FunctionalInterface
public interface RunListener {
    /** Something happened. */
    void on(RunEvent event);
}
