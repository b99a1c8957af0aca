package dev.slayer.server.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/**
 * KV memory on the host.
 *
 * <p>What a cache gives back is kept for the next one of the same size and freed for good when another size needs the room, so
 * {@link #usedBytes} counts what caches hold and never what is merely kept.
 */
public final class KvPool implements KvMemory {
    private static final long ALIGNMENT = 64;

    private final long limitBytes;
    private final PrefixMemory prefixes;
    private final Map<Long, Deque<Piece>> kept = new TreeMap<>();
    private long usedBytes;
    private long keptBytes;

    /** Memory with the arena that frees it. */
    record Piece(MemorySegment memory, Arena arena) {
        long bytes() {
            return memory.byteSize();
        }
    }

    /**
     * @param limitBytes most bytes that caches may hold together
     */
    public KvPool(long limitBytes) {
        this(limitBytes, PrefixMemory.CHUNK_BYTES);
    }

    /** @param prefixChunkBytes of the chunks that the prefix cache's copies lie in */
    KvPool(long limitBytes, int prefixChunkBytes) {
        if (limitBytes <= 0) {
            throw new IllegalArgumentException("kv memory of " + limitBytes + " bytes is no size; allowed: 1 or more");
        }
        this.limitBytes = limitBytes;
        this.prefixes = new PrefixMemory(prefixChunkBytes);
    }

    /** Memory of what the prefix cache keeps, beside the limit. */
    PrefixMemory prefixes() {
        return prefixes;
    }

    @Override
    public long usedBytes() {
        return usedBytes;
    }

    @Override
    public long limitBytes() {
        return limitBytes;
    }

    /**
     * Memory for a cache, its contents undefined.
     *
     * @return null if the limit leaves no room
     */
    Piece take(long bytes) {
        if (bytes > limitBytes - usedBytes) {
            return null;
        }
        Deque<Piece> same = kept.get(bytes);
        Piece piece;
        if (same != null && !same.isEmpty()) {
            piece = same.pop();
            keptBytes -= bytes;
        } else {
            freeKept(bytes);
            Arena arena = Arena.ofShared();
            piece = new Piece(arena.allocate(bytes, ALIGNMENT), arena);
        }
        usedBytes += bytes;
        return piece;
    }

    /** Takes memory back. */
    void giveBack(Piece piece) {
        usedBytes -= piece.bytes();
        keptBytes += piece.bytes();
        kept.computeIfAbsent(piece.bytes(), size -> new ArrayDeque<>()).push(piece);
    }

    /** Frees kept pieces, smallest first, until so many more bytes fit under the limit. */
    private void freeKept(long bytes) {
        for (Deque<Piece> pieces : kept.values()) {
            while (!pieces.isEmpty() && usedBytes + keptBytes + bytes > limitBytes) {
                Piece piece = pieces.pop();
                keptBytes -= piece.bytes();
                piece.arena().close();
            }
        }
    }

    @Override
    public void close() {
        kept.values().forEach(pieces -> pieces.forEach(piece -> piece.arena().close()));
        kept.clear();
        keptBytes = 0;
        prefixes.close();
    }
}
