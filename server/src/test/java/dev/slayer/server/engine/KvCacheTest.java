package dev.slayer.server.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** KV memory: contents survive growth, the limit holds, and what is given back can be had again in any size. */
class KvCacheTest {
    private static final int SLOTS = 2;
    private static final int HEADS = 3;
    private static final int DIM = 4;
    private static final int CONTEXT = 1000;

    private static KvCache cache(KvPool pool) {
        return new KvCache(pool, SLOTS, HEADS, DIM, CONTEXT);
    }

    private static float value(int slot, boolean key, int head, int row, int i) {
        return (((slot * 2 + (key ? 1 : 0)) * HEADS + head) * CONTEXT + row) * DIM + i;
    }

    private static void write(KvCache kv, int from, int to) {
        each(kv, from, to, true);
    }

    private static void assertRows(KvCache kv, int to) {
        each(kv, 0, to, false);
    }

    private static void each(KvCache kv, int from, int to, boolean write) {
        for (int slot = 0; slot < SLOTS; slot++) {
            for (boolean key : new boolean[] {true, false}) {
                MemorySegment matrix = key ? kv.keys(slot) : kv.values(slot);
                for (int head = 0; head < HEADS; head++) {
                    for (int row = from; row < to; row++) {
                        for (int i = 0; i < DIM; i++) {
                            long at = ((long) head * kv.capacity() + row) * DIM + i;
                            float value = value(slot, key, head, row, i);
                            if (write) {
                                matrix.setAtIndex(JAVA_FLOAT, at, value);
                            } else {
                                assertThat(matrix.getAtIndex(JAVA_FLOAT, at)).isEqualTo(value);
                            }
                        }
                    }
                }
            }
        }
    }

    @Test
    void rowsSurviveEveryGrowth() {
        try (KvPool pool = new KvPool(1L << 20);
                KvCache kv = cache(pool)) {
            int written = 0;
            for (int rows : new int[] {1, 64, 65, 300, 513, CONTEXT}) {
                assertThat(kv.reserve(rows, written)).isTrue();
                assertThat(kv.capacity()).isBetween(rows, CONTEXT);
                write(kv, written, rows);
                written = rows;
                assertRows(kv, rows);
            }
        }
    }

    @Test
    void whatIsHeldIsCountedAndGivenBack() {
        try (KvPool pool = new KvPool(1L << 20)) {
            KvCache kv = cache(pool);
            assertThat(pool.usedBytes()).isZero();
            assertThat(kv.reserve(10, 0)).isTrue();
            assertThat(pool.usedBytes()).isEqualTo(KvCache.bytes(SLOTS, HEADS, DIM, CONTEXT, 10));
            assertThat(pool.usedBytes()).isEqualTo(2L * SLOTS * HEADS * 64 * DIM * 4);
            kv.close();
            kv.close();
            assertThat(pool.usedBytes()).isZero();
            assertThat(kv.reserve(100, 0)).isTrue();
            kv.close();
            assertThat(pool.usedBytes()).isZero();
        }
    }

    @Test
    void aRefusedReservationChangesNothing() {
        long forOneAndAHalf = KvCache.bytes(SLOTS, HEADS, DIM, CONTEXT, 64) * 3 / 2;
        try (KvPool pool = new KvPool(forOneAndAHalf);
                KvCache one = cache(pool);
                KvCache two = cache(pool)) {
            assertThat(one.reserve(64, 0)).isTrue();
            write(one, 0, 64);
            assertThat(two.reserve(1, 0)).isFalse();
            assertThat(one.reserve(65, 64)).isFalse();
            assertThat(one.capacity()).isEqualTo(64);
            assertRows(one, 64);
        }
    }

    @Test
    void peakBytesIsEnoughToGrowOneRowAtATime() {
        for (int rows : new int[] {1, 64, 65, 200, 600, CONTEXT}) {
            try (KvPool pool = new KvPool(KvCache.peakBytes(SLOTS, HEADS, DIM, CONTEXT, rows));
                    KvCache kv = cache(pool)) {
                for (int row = 1; row <= rows; row++) {
                    assertThat(kv.reserve(row, row - 1))
                            .as("row %d of %d", row, rows)
                            .isTrue();
                }
            }
        }
    }

    @Test
    void memoryOfOneSizeCanBeHadAgainInOthers() {
        Random random = new Random(2);
        long limit = KvCache.bytes(SLOTS, HEADS, DIM, CONTEXT, CONTEXT);
        try (KvPool pool = new KvPool(limit)) {
            for (int round = 0; round < 200; round++) {
                List<KvCache> caches = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    KvCache kv = cache(pool);
                    kv.reserve(1 + random.nextInt(400), 0);
                    caches.add(kv);
                    assertThat(pool.usedBytes()).isLessThanOrEqualTo(limit);
                }
                caches.forEach(KvCache::close);
                assertThat(pool.usedBytes()).isZero();
            }
            KvCache all = cache(pool);
            assertThat(all.reserve(CONTEXT, 0)).isTrue();
            all.close();
        }
    }

    @Test
    void aPoolWithoutRoomIsRefused() {
        assertThatThrownBy(() -> new KvPool(0)).hasMessageContaining("0 bytes");
    }
}
