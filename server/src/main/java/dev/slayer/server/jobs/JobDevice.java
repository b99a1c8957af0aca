package dev.slayer.server.jobs;

import dev.slayer.training.run.DeviceAccess;
import java.util.Objects;

/**
 * What jobs compute on.
 *
 * @param name as training recipes write it: {@code cpu}, {@code cuda:0}
 * @param access who else is on it
 */
public record JobDevice(String name, DeviceAccess access) {
    /** The processor. */
    public static final JobDevice CPU = new JobDevice("cpu", DeviceAccess.ALONE);

    public JobDevice {
        Objects.requireNonNull(name);
        Objects.requireNonNull(access);
    }

    /** Whether it is a GPU. */
    public boolean gpu() {
        return !name.equals(CPU.name);
    }
}
