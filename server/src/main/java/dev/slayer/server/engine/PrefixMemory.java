package dev.slayer.server.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Memory in chunks of one size, so that what is given back fits whoever asks next. It comes from the system in large slabs, since fresh
 * memory is cheap only in large pages, and goes back when it is closed. One thread only, the engine's.
 */
final class PrefixMemory implements AutoCloseable {
    static final int CHUNK_BYTES = 16 << 10;
    private static final int SLAB_BYTES = 4 << 20;

    private final int chunkBytes;
    private final List<Arena> slabs = new ArrayList<>();
    private final Deque<MemorySegment> free = new ArrayDeque<>();

    /**
     * @param chunkBytes of a chunk, at most a slab's
     */
    PrefixMemory(int chunkBytes) {
        this.chunkBytes = chunkBytes;
    }

    int chunkBytes() {
        return chunkBytes;
    }

    /** Bytes of the chunks that so many bytes take. */
    long rounded(long bytes) {
        return (bytes + chunkBytes - 1) / chunkBytes * chunkBytes;
    }

    /** Chunks for so many bytes, their contents undefined. */
    MemorySegment[] take(long bytes) {
        MemorySegment[] chunks = new MemorySegment[Math.toIntExact(rounded(bytes) / chunkBytes)];
        for (int i = 0; i < chunks.length; i++) {
            if (free.isEmpty()) {
                addSlab();
            }
            chunks[i] = free.pop();
        }
        return chunks;
    }

    void giveBack(MemorySegment[] chunks) {
        for (MemorySegment chunk : chunks) {
            free.push(chunk);
        }
    }

    private void addSlab() {
        Arena arena = Arena.ofConfined();
        slabs.add(arena);
        int chunks = SLAB_BYTES / chunkBytes;
        MemorySegment slab = arena.allocate((long) chunks * chunkBytes, 64);
        for (int i = chunks - 1; i >= 0; i--) {
            free.push(slab.asSlice((long) i * chunkBytes, chunkBytes));
        }
    }

    /** Chunks that somebody still has must not be used any more. */
    @Override
    public void close() {
        free.clear();
        slabs.forEach(Arena::close);
        slabs.clear();
    }
}
