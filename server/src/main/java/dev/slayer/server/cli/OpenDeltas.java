package dev.slayer.server.cli;

import dev.slayer.server.api.DeltaLender;
import dev.slayer.server.engine.Donor;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** Lends deltas to the device, and closes those that are still open at the end. Thread-safe. */
final class OpenDeltas implements DeltaLender, AutoCloseable {
    private final Device device;
    private final Set<Delta> open = ConcurrentHashMap.newKeySet();

    /** What layouts run on. */
    @FunctionalInterface
    interface Device {
        /** A device without weights. */
        Device NONE = (name, over, delta) -> () -> CompletableFuture.completedFuture(null);

        Donor lend(String name, Checkpoint over, Delta delta);
    }

    OpenDeltas(Device device) {
        this.device = device;
    }

    @Override
    public Donor lend(String name, Delta delta, Checkpoint over) {
        Donor donor = device.lend(name, over, delta);
        open.add(delta);
        return () -> donor.retire().thenRun(() -> close(delta));
    }

    private void close(Delta delta) {
        if (open.remove(delta)) {
            delta.close();
        }
    }

    @Override
    public void close() {
        open.forEach(this::close);
    }
}
