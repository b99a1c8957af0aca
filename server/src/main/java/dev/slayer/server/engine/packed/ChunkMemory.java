package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.NavigableMap;
import java.util.TreeMap;

/** Device memory in chunks of one size, so that what is given back fits whoever asks next. The engine's thread only. */
final class ChunkMemory implements AutoCloseable {
    private static final int CHUNKS = 64; // of a slab: what is taken from the device at once

    private final Accelerator accelerator;
    private final int chunkBytes;
    private final NavigableMap<Long, DeviceMemory> slabs = new TreeMap<>(); // by address
    private final Deque<DeviceSlice> free = new ArrayDeque<>();

    ChunkMemory(Accelerator accelerator, int chunkBytes) {
        this.accelerator = accelerator;
        this.chunkBytes = chunkBytes;
    }

    Accelerator accelerator() {
        return accelerator;
    }

    int chunkBytes() {
        return chunkBytes;
    }

    /** Bytes of the chunks that so many bytes take. */
    long rounded(long bytes) {
        return (bytes + chunkBytes - 1) / chunkBytes * chunkBytes;
    }

    /**
     * Chunks for so many bytes, their contents undefined.
     *
     * @throws dev.slayer.surgery.SlayerException 507 if the device has no memory left; nothing is taken then
     */
    DeviceSlice[] take(long bytes) {
        DeviceSlice[] chunks = new DeviceSlice[Math.toIntExact(rounded(bytes) / chunkBytes)];
        while (free.size() < chunks.length) {
            DeviceMemory slab = accelerator.allocate((long) CHUNKS * chunkBytes);
            slabs.put(slab.all().address(), slab);
            for (int i = CHUNKS - 1; i >= 0; i--) {
                free.push(slab.all().slice((long) i * chunkBytes, chunkBytes));
            }
        }
        for (int i = 0; i < chunks.length; i++) {
            chunks[i] = free.pop();
        }
        return chunks;
    }

    /** Whether one chunk ends where another begins, and both were taken from the device as one piece: then one copy can be of both. */
    boolean together(DeviceSlice chunk, DeviceSlice next) {
        return next.address() == chunk.address() + chunkBytes
                && slabs.floorKey(chunk.address()).equals(slabs.floorKey(next.address()));
    }

    /** Takes chunks back, so that they are taken again in the order in which they lie, and can be copied together. */
    void giveBack(DeviceSlice[] chunks) {
        for (int i = chunks.length - 1; i >= 0; i--) {
            free.push(chunks[i]);
        }
    }

    /** Chunks that somebody still has must not be used any more. */
    @Override
    public void close() {
        free.clear();
        slabs.values().forEach(DeviceMemory::close);
        slabs.clear();
    }
}
