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
    private Room room;
    private long used;

    StepData(Accelerator accelerator) {
        this.accelerator = accelerator;
        this.room = open(1 << 16);
    }

    /** Memory in both places, of one size. */
    private record Room(HostMemory host, DeviceMemory device) {
        void close() {
            device.close();
            host.close();
        }
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
        if (bytes > room.device().bytes()) {
            Room larger = open(Math.max(bytes, 2 * room.device().bytes())); // first: it may be refused
            room.close();
            room = larger;
        }
    }

    /** A region; its contents undefined until written. */
    Region add(long bytes) {
        Region region = new Region(
                room.host().segment().asSlice(used, bytes), room.device().all().slice(used, bytes));
        used += aligned(bytes);
        return region;
    }

    /** Queues the copy of one region. */
    void send(Region region) {
        accelerator.upload(region.host(), region.device());
    }

    /** Queues the copy of all regions. */
    void send() {
        if (used > 0) {
            accelerator.upload(
                    room.host().segment().asSlice(0, used), room.device().all().slice(0, used));
        }
    }

    private Room open(long bytes) {
        long size = aligned(bytes);
        DeviceMemory device = accelerator.allocate(size);
        try {
            return new Room(accelerator.allocateHost(size), device);
        } catch (RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    @Override
    public void close() {
        room.close();
    }
}
