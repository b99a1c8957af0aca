package dev.slayer.training.run;

import dev.slayer.surgery.SlayerException;
import dev.slayer.training.torch.Placement;
import java.util.Optional;

/** A GPU that runs will be made on, looked at before any is. Any thread, while no run is on it. */
public final class TrainingDevice {
    private final Placement placement;

    private TrainingDevice(Placement placement) {
        this.placement = placement;
    }

    /**
     * Finds a GPU, and loads libtorch if this build has it for CUDA.
     *
     * @param name as recipes write it, such as {@code cuda:0}
     * @param option that named it, for messages
     * @throws SlayerException 400 if it cannot be used, saying what is missing; 500 if libtorch cannot be loaded
     */
    public static TrainingDevice find(String name, String option) {
        Optional<String> missing = Placement.missing(name);
        if (missing.isPresent()) {
            throw SlayerException.badRequest(
                    option,
                    option + "=" + name + " cannot be used: " + missing.get() + "; or train on the processor, with "
                            + option + "=cpu.");
        }
        return new TrainingDevice(Placement.of(name, "bfloat16", 0, 1));
    }

    /** All bytes of its memory. */
    public long totalBytes() {
        return placement.totalBytes();
    }

    /** Bytes of it that nobody has taken. */
    public long freeBytes() {
        return placement.freeBytes();
    }

    /** Holds all later runs of this process on it, together, to so many bytes; one that wants more fails. */
    public void limit(long bytes) {
        placement.limit(bytes);
    }
}
