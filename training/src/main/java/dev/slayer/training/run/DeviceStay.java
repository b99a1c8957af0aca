package dev.slayer.training.run;

import dev.slayer.training.torch.Placement;

/** A run's time on its device: when it ends, what the allocator kept of the device's memory is others' again. */
final class DeviceStay implements AutoCloseable {
    private final DeviceAccess access;
    private final Placement placement;

    DeviceStay(DeviceAccess access, Placement placement) {
        this.access = access;
        this.placement = placement;
        access.enter();
    }

    @Override
    public void close() {
        try {
            placement.giveBack();
        } finally {
            access.leave();
        }
    }
}
