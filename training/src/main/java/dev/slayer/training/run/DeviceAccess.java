package dev.slayer.training.run;

import java.util.function.Supplier;

/**
 * How a run shares its device with others in the process whose work its calls would disturb, such as an engine that is recording. The
 * run is on the device from its first tensor to its last, except while it reads data. Its thread alone calls this.
 */
public interface DeviceAccess {
    /** There is nobody else. */
    DeviceAccess ALONE = new DeviceAccess() {
        @Override
        public void enter() {}

        @Override
        public void leave() {}
    };

    /** Waits while others must not be disturbed, which is never long; from then on the run may call the device. */
    void enter();

    /** The run calls the device no more, until it enters again. */
    void leave();

    /** Does something without the device, which the run is on before and after. */
    default <T> T apart(Supplier<T> action) {
        leave();
        try {
            return action.get();
        } finally {
            enter();
        }
    }
}
