package dev.slayer.server.engine.packed;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostMemory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Memory that recipes work in, for pieces of one size: taken when it is first asked for. One thread at a time. */
final class RecipeRoom implements AutoCloseable {
    private final Accelerator queue;
    private final int piece;
    private final List<Running> running = new ArrayList<>();
    private final Map<Kind, StepData> data = new HashMap<>();
    private final List<DeviceMemory> taken = new ArrayList<>();
    private DeviceSlice truths;
    private DeviceSlice places;

    /** What crosses the bus: one kind must not wait for another. */
    enum Kind {
        NUMBERS,
        SUMS,
        BITS
    }

    /** @param piece the most entries of one */
    RecipeRoom(Accelerator queue, int piece) {
        this.queue = queue;
        this.piece = piece;
    }

    Accelerator queue() {
        return queue;
    }

    int piece() {
        return piece;
    }

    /** A float32 number for each entry; equal indices are the same memory. */
    Running running(int index) {
        while (running.size() <= index) {
            running.add(new Running(take(Float.BYTES), take(Float.BYTES)));
        }
        return running.get(index);
    }

    /** A truth for each entry, and as many more as fill a byte of bits; their values undefined. */
    DeviceSlice truths() {
        if (truths == null) {
            truths = take(1);
        }
        return truths;
    }

    /** The numbers 0, 1, 2... in float32, one for each entry of a piece. */
    DeviceSlice places() {
        if (places == null) {
            DeviceSlice memory = take(Float.BYTES);
            try (HostMemory host = queue.allocateHost(memory.bytes())) {
                for (int i = 0; i < piece; i++) {
                    host.segment().setAtIndex(JAVA_FLOAT, i, i);
                }
                queue.fill(host.segment(), memory);
            }
            places = memory;
        }
        return places;
    }

    /** What was sent of a kind must have arrived before it begins again. */
    StepData data(Kind kind) {
        return data.computeIfAbsent(kind, _ -> new StepData(queue));
    }

    private DeviceSlice take(int bytes) {
        DeviceMemory memory = queue.allocate((long) piece * bytes);
        taken.add(memory);
        return memory.all();
    }

    @Override
    public void close() {
        data.values().forEach(StepData::close);
        taken.forEach(DeviceMemory::close);
    }
}
