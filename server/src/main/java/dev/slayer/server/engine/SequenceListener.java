package dev.slayer.server.engine;

/** Receives the events of one sequence, in order, on the engine's thread: it must hand them on and return at once. */
@FunctionalInterface
public interface SequenceListener {
    /** Takes one event; must neither block nor throw. */
    void on(SequenceEvent event);
}
