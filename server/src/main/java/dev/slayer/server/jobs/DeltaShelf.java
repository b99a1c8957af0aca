package dev.slayer.server.jobs;

import java.nio.file.Path;

/** Takes what jobs have trained. Thread-safe; waits for the disk. */
public interface DeltaShelf {
    /** Refuses if the server has no folder for deltas. @throws dev.slayer.surgery.SlayerException 403 then */
    void requireOpen();

    /**
     * Moves a delta to where the server has its deltas, and serves it. Done again after a crash in between, it does the rest.
     *
     * @param delta its folder; need not be there any more if it has been moved before
     * @param name what it is served as
     */
    void publish(Path delta, String name);
}
