package dev.slayer.server.api;

import dev.slayer.server.engine.Donor;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;

/** Puts deltas on the device; whoever knows devices implements it. */
@FunctionalInterface
public interface DeltaLender {
    /**
     * Lets layouts take of a delta. Costs nothing before one does; any thread.
     *
     * @param name by which layouts may take of it
     * @param delta owned by the lender if this returns: closed when the donor has retired, or at the end
     * @param over the delta over its base, which stays open as long
     */
    Donor lend(String name, Delta delta, Checkpoint over);
}
