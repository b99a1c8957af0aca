package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.surgery.layout.Recipe;
import java.util.List;

/** How a tensor follows from those of some layers, entry by entry, on the device: what the host's recipes do, in the same order. */
sealed interface QueuedMerge permits QueuedSum, QueuedTask, QueuedDropout, QueuedElection {
    /** Adding nothing to it changes no number, not even the sign of a zero. */
    float NOTHING = -0f;

    /** Makes all of it; returns when it is done. */
    void put(QueuedTensor tensor, DeviceSlice target);

    /** The donors' weights. */
    static List<Float> weights(List<Recipe.Donor> donors) {
        return donors.stream().map(donor -> donor.weight().floatValue()).toList();
    }
}
