package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * KV pages of every model on a device, in two tensors of which one holds all keys and the other all values. A page is known by its
 * number: what its address is, in units of its model's pages. The pool is divided into slabs; a slab serves one shape of pages until
 * all of them are back, so that models of any shapes share it. Pages are taken and given back by the engine's thread, and by those that
 * load models.
 */
final class PagePool implements KvMemory {
    /** Slabs of a pool, about. */
    private static final long SLABS = 128;

    private static final long ALIGNMENT = 256;

    private final long halfBytes;
    private final DeviceMemory keys;
    private final DeviceMemory values;
    private final ChunkMemory prefixes;
    private final Accelerator accelerator;
    private final Map<PageShape, Deque<Integer>> free = new HashMap<>();
    private final Map<Integer, Slab> slabs = new HashMap<>();
    private final Deque<Integer> freeSlabs = new ArrayDeque<>();
    private long slabBytes;
    private long usedBytes;

    /** The pages of one shape in one slab. */
    private static final class Slab {
        final int number;
        final PageShape shape;
        int taken;

        Slab(int number, PageShape shape) {
            this.number = number;
            this.shape = shape;
        }
    }

    /**
     * @param limitBytes of keys and values together
     * @param prefixChunkBytes of the chunks that the prefix cache's copies lie in
     * @throws dev.slayer.surgery.SlayerException 507 if the device has not so much
     */
    PagePool(Accelerator accelerator, long limitBytes, int prefixChunkBytes) {
        this.accelerator = accelerator;
        this.halfBytes = limitBytes / 2 / ALIGNMENT * ALIGNMENT;
        if (halfBytes == 0) {
            throw new IllegalArgumentException(
                    "kv memory of " + limitBytes + " bytes is no size; allowed: " + 2 * ALIGNMENT + " or more");
        }
        this.keys = accelerator.allocate(halfBytes);
        try {
            this.values = accelerator.allocate(halfBytes);
        } catch (RuntimeException | Error e) {
            keys.close();
            throw e;
        }
        this.prefixes = new ChunkMemory(accelerator, prefixChunkBytes);
    }

    /** Queues that all keys and values become zero. A kernel may read whole pages and weigh by 0 what is no row yet: it must be a number. */
    void clear() {
        accelerator.among(() -> {
            accelerator.zero(keys.all());
            accelerator.zero(values.all());
        });
    }

    Accelerator accelerator() {
        return accelerator;
    }

    /** Memory of what the prefix cache keeps, beside the limit. */
    ChunkMemory prefixes() {
        return prefixes;
    }

    @Override
    public synchronized long usedBytes() {
        return usedBytes;
    }

    @Override
    public long limitBytes() {
        return 2 * halfBytes;
    }

    /** All pages of a shape, as one tensor: [pages, rows, kvHeads, headDim]. */
    long count(PageShape shape) {
        return halfBytes / shape.bytes();
    }

    /** Keys of all pages of a shape. */
    DeviceSlice keys(PageShape shape) {
        return keys.all().slice(0, count(shape) * shape.bytes());
    }

    /** Values of all pages of a shape. */
    DeviceSlice values(PageShape shape) {
        return values.all().slice(0, count(shape) * shape.bytes());
    }

    /** Some rows of a page, keys or values. */
    DeviceSlice rows(PageShape shape, boolean ofKeys, int page, int row, int count) {
        DeviceSlice all = ofKeys ? keys.all() : values.all();
        return all.slice(page * shape.bytes() + row * shape.rowBytes(), count * shape.rowBytes());
    }

    /** Takes pages, their contents undefined. @return their numbers; null, with nothing changed, if there are not so many */
    synchronized int[] take(PageShape shape, int count) {
        Deque<Integer> pages = free.computeIfAbsent(shape, none -> new ArrayDeque<>());
        while (pages.size() < count) {
            if (!addSlab(shape, pages)) {
                return null;
            }
        }
        int[] taken = new int[count];
        for (int i = 0; i < count; i++) {
            taken[i] = pages.pop();
            slab(shape, taken[i]).taken++;
        }
        usedBytes += 2L * count * shape.bytes();
        return taken;
    }

    /** A page in which padding is computed; counted as nobody's. @throws SlayerException 507 if there is none left */
    synchronized int spare(PageShape shape) {
        int[] taken = take(shape, 1);
        if (taken == null) {
            throw new SlayerException(
                    507,
                    "device_memory_exhausted",
                    null,
                    "The KV memory of " + limitBytes() + " bytes has no room for a page of " + 2 * shape.bytes()
                            + " bytes; start the server with more --kv-memory.",
                    null);
        }
        usedBytes -= 2 * shape.bytes();
        return taken[0];
    }

    /** Takes a spare page back. */
    synchronized void giveSpareBack(PageShape shape, int page) {
        usedBytes += 2 * shape.bytes();
        giveBack(shape, page);
    }

    /** Takes pages back, to be taken again in the order in which they lie: neighbours can be copied together. */
    synchronized void giveBack(PageShape shape, int... pages) {
        Deque<Integer> kept = free.get(shape);
        for (int i = pages.length - 1; i >= 0; i--) {
            kept.push(pages[i]);
            slab(shape, pages[i]).taken--;
        }
        usedBytes -= 2L * pages.length * shape.bytes();
    }

    /** Frees a slab of another shape none of whose pages is taken. */
    private void reclaim(PageShape wanted) {
        for (Slab slab : slabs.values()) {
            if (slab.taken == 0 && !slab.shape.equals(wanted) && holds(slab.number, wanted)) {
                int first = firstPage(slab.number, slab.shape);
                int end = endPage(slab.number, slab.shape);
                free.get(slab.shape).removeIf(page -> page >= first && page < end);
                slabs.remove(slab.number);
                freeSlabs.push(slab.number);
                return;
            }
        }
    }

    private Slab slab(PageShape shape, int page) {
        return slabs.get((int) (page * shape.bytes() / slabBytes));
    }

    private boolean addSlab(PageShape shape, Deque<Integer> pages) {
        if (slabBytes == 0) {
            divide(shape);
        }
        if (freeSlabFor(shape).isEmpty()) {
            reclaim(shape);
        }
        Optional<Integer> found = freeSlabFor(shape);
        found.ifPresent(number -> {
            freeSlabs.remove(number);
            slabs.put(number, new Slab(number, shape));
            for (int page = firstPage(number, shape); page < endPage(number, shape); page++) {
                pages.addLast(page);
            }
        });
        return found.isPresent();
    }

    /** A free slab that has room for a page: the last one may be shorter than the others. */
    private Optional<Integer> freeSlabFor(PageShape shape) {
        return freeSlabs.stream().filter(number -> holds(number, shape)).findFirst();
    }

    private boolean holds(int slab, PageShape shape) {
        return firstPage(slab, shape) < endPage(slab, shape);
    }

    /** The first page that begins in a slab. */
    private int firstPage(int slab, PageShape shape) {
        return Math.toIntExact((slab * slabBytes + shape.bytes() - 1) / shape.bytes());
    }

    /** One past the last page that ends in a slab. */
    private int endPage(int slab, PageShape shape) {
        return Math.toIntExact(Math.min(halfBytes, (slab + 1) * slabBytes) / shape.bytes());
    }

    /** The first model decides: slabs are whole pages of it. */
    private void divide(PageShape shape) {
        long pages = Math.max(1, halfBytes / SLABS / shape.bytes());
        slabBytes = pages * shape.bytes();
        for (long slab = (halfBytes + slabBytes - 1) / slabBytes - 1; slab >= 0; slab--) {
            freeSlabs.push(Math.toIntExact(slab));
        }
    }

    @Override
    public void close() {
        prefixes.close();
        keys.close();
        values.close();
    }
}
