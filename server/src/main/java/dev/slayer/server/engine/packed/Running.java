package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.DeviceSlice;

/** A float32 number for each entry of a piece that grows step by step: the old one is read while the new one is written elsewhere. */
final class Running {
    private final DeviceSlice one;
    private final DeviceSlice other;
    private DeviceSlice value;
    private boolean inOne;

    Running(DeviceSlice one, DeviceSlice other) {
        this.one = one;
        this.other = other;
    }

    /** @param start the number that all entries begin with, [1] */
    void begin(DeviceSlice start) {
        value = start;
    }

    DeviceSlice value() {
        return value;
    }

    /** Memory for the next value, which this is from now on. */
    DeviceSlice next(long count) {
        inOne = !inOne;
        value = (inOne ? one : other).slice(0, count * Float.BYTES);
        return value;
    }
}
