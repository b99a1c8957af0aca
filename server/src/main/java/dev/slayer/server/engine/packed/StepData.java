package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import java.lang.foreign.MemorySegment;

/**
 * Small numbers that a step needs on the device: written side by side in the host's memory and sent in one copy. The engine's thread
 * only; what was sent must have arrived before {@link #begin}.
 */
final class StepData implements AutoCloseable {
    private static final long ALIGNMENT = 256;

    private final Accelerator accelerator;
    private HostMemory host;
    private DeviceMemory device;
    private long used;

    StepData(Accelerator accelerator) {
        this.accelerator = accelerator;
        open(1 << 16);
    }

    /** Memory in both places. */
    record Region(MemorySegment host, DeviceSlice device) {
        Region slice(long offset, long bytes) {
            return new Region(host.asSlice(offset, bytes), device.slice(offset, bytes));
        }
    }

    /** Bytes of a region with what it takes to align the next. */
    static long aligned(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** Forgets all regions and makes room for so many bytes: those of all regions to come, each {@link #aligned}. */
    void begin(long bytes) {
        used = 0;
        if (bytes > device.bytes()) {
            close();
            open(Math.max(bytes, 2 * device.bytes()));
        }
    }

    /** A region; its contents undefined until written. */
    Region add(long bytes) {
        Region region =
                new Region(host.segment().asSlice(used, bytes), device.all().slice(used, bytes));
        used += aligned(bytes);
        return region;
    }

    /** Queues the copy of all regions. */
    void send() {
        if (used > 0) {
            accelerator.upload(host.segment().asSlice(0, used), device.all().slice(0, used));
        }
    }

    private void open(long bytes) {
        long size = aligned(bytes);
        device = accelerator.allocate(size);
        try {
            host = accelerator.allocateHost(size);
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    @Override
    public void close() {
        device.close();
        host.close();
    }
}
