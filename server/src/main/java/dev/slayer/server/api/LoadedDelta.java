package dev.slayer.server.api;

import dev.slayer.server.engine.Donor;
import dev.slayer.server.store.StoredVariant;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Layout;
import java.util.List;

/**
 * A delta that is loaded.
 *
 * @param over the delta over its base
 * @param served the layout that runs it
 * @param donor its being on the device, which owns the delta
 * @param release lets go of its base and of whatever else it is made over; once the donor has retired
 */
record LoadedDelta(ServedDelta model, Delta delta, Checkpoint over, Layout served, Donor donor, Runnable release) {
    /** What serves it. */
    StoredVariant variant() {
        return new StoredVariant(
                model.name(),
                model.base(),
                model.base(),
                served.text(),
                List.copyOf(delta.info().slots()),
                delta.trains(model.config().tiedEmbeddings() ? TensorNames.EMBEDDING : TensorNames.HEAD),
                delta.info().provenance().created());
    }

    /** Gives everything back, where nobody has used it yet. */
    void discard() {
        donor.retire().join();
        release.run();
    }
}
