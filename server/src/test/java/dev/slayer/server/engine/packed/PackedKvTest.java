package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.server.engine.PrefixPiece;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** KV in pages: contents survive growth, and what the prefix cache copies out comes back in any pages, slots and parts. */
class PackedKvTest {
    private static final int SLOTS = 3;
    private static final PageShape SHAPE = new PageShape(16, 8);
    private final HostAccelerator accelerator = new HostAccelerator(1L << 24);

    private static int value(int slot, boolean keys, int row) {
        return (slot * 2 + (keys ? 1 : 0)) * 10_000 + row + 1;
    }

    private static MemorySegment row(PagePool pool, PackedKv kv, int slot, boolean keys, int row) {
        DeviceSlice slice = pool.rows(SHAPE, keys, kv.page(slot, row / SHAPE.rows()), row % SHAPE.rows(), 1);
        return MemorySegment.ofAddress(slice.address()).reinterpret(slice.bytes());
    }

    private static void write(PagePool pool, PackedKv kv, int from, int to) {
        for (int slot = 0; slot < SLOTS; slot++) {
            for (int row = from; row < to; row++) {
                row(pool, kv, slot, true, row).set(ValueLayout.JAVA_INT, 4, value(slot, true, row));
                row(pool, kv, slot, false, row).set(ValueLayout.JAVA_INT, 4, value(slot, false, row));
            }
        }
    }

    private static void assertRows(PagePool pool, PackedKv kv, int slot, int as, int from, int to) {
        for (int row = from; row < to; row++) {
            assertThat(row(pool, kv, slot, true, row).get(ValueLayout.JAVA_INT, 4))
                    .isEqualTo(value(as, true, row));
            assertThat(row(pool, kv, slot, false, row).get(ValueLayout.JAVA_INT, 4))
                    .isEqualTo(value(as, false, row));
        }
    }

    @Test
    void rowsSurviveEveryGrowthAndAllPagesComeBack() {
        try (PagePool pool = new PagePool(accelerator, 1L << 18, 100)) {
            PackedKv kv = new PackedKv(pool, SHAPE, SLOTS);
            int written = 0;
            for (int rows : new int[] {1, 16, 17, 100, 333}) {
                assertThat(kv.reserve(rows, written)).isTrue();
                assertThat(kv.capacity()).isBetween(rows, rows + SHAPE.rows() - 1);
                assertThat(pool.usedBytes()).isEqualTo(PackedKv.bytes(SHAPE, SLOTS, rows));
                write(pool, kv, written, rows);
                written = rows;
                for (int slot = 0; slot < SLOTS; slot++) {
                    assertRows(pool, kv, slot, slot, 0, rows);
                }
            }
            kv.close();
            kv.close();
            assertThat(pool.usedBytes()).isZero();
            assertThat(kv.reserve(5, 0)).isTrue();
            kv.close();
        }
    }

    @Test
    void aRefusedReservationChangesNothing() {
        try (PagePool pool = new PagePool(accelerator, PackedKv.bytes(SHAPE, SLOTS, 64), 100)) {
            PackedKv one = new PackedKv(pool, SHAPE, SLOTS);
            PackedKv two = new PackedKv(pool, SHAPE, SLOTS);
            assertThat(one.reserve(32, 0)).isTrue();
            write(pool, one, 0, 32);
            assertThat(two.reserve(33, 0)).isFalse();
            assertThat(one.reserve(65, 32)).isFalse();
            assertThat(one.capacity()).isEqualTo(32);
            assertRows(pool, one, 1, 1, 0, 32);
            assertThat(two.reserve(32, 0)).isTrue();
            one.close();
            two.close();
        }
    }

    @Test
    void whatLiesSideBySideIsCopiedAtOnceAlsoWhereItWasUsedBefore() {
        try (PagePool pool = new PagePool(accelerator, 1L << 18, 100)) {
            for (int round = 0; round < 3; round++) {
                PackedKv source = new PackedKv(pool, SHAPE, SLOTS);
                PackedKv target = new PackedKv(pool, SHAPE, SLOTS);
                assertThat(source.reserve(100, 0)).isTrue();
                assertThat(target.reserve(100, 0)).isTrue();
                write(pool, source, 0, 100);
                int before = accelerator.copies();
                PrefixPiece piece = source.copyOut(0, SLOTS, 0, 100);
                target.copyIn(piece, 0, 0, SLOTS, 0, 100);
                assertThat(accelerator.copies() - before)
                        .as("keys and values of each slot, out and in")
                        .isEqualTo(2 * 2 * SLOTS);
                for (int slot = 0; slot < SLOTS; slot++) {
                    assertRows(pool, target, slot, slot, 0, 100);
                }
                ((PackedPrefixPiece) piece).free();
                source.close();
                target.close();
            }
        }
    }

    @Test
    void whatIsCopiedOutComesBackInAnyPartAndPlace() {
        Random random = new Random(3);
        for (int chunk : new int[] {8, 100, 4096}) { // rows straddle the second
            try (PagePool pool = new PagePool(accelerator, 1L << 18, chunk)) {
                PackedKv source = new PackedKv(pool, SHAPE, SLOTS);
                assertThat(source.reserve(100, 0)).isTrue();
                write(pool, source, 0, 100);
                for (int round = 0; round < 50; round++) {
                    int from = random.nextInt(90);
                    int rows = 1 + random.nextInt(100 - from);
                    int slot = random.nextInt(SLOTS);
                    PrefixPiece piece = source.copyOut(slot, SLOTS - slot, from, rows);
                    assertThat(piece.bytes()).isEqualTo(source.keptBytes(SLOTS - slot, rows));
                    PackedKv target = new PackedKv(pool, SHAPE, SLOTS);
                    assertThat(target.reserve(from + rows, 0)).isTrue();
                    target.copyIn(piece, 0, 0, SLOTS - slot, from, rows);
                    for (int i = 0; i < SLOTS - slot; i++) {
                        assertRows(pool, target, i, slot + i, from, from + rows);
                    }
                    int cut = random.nextInt(rows);
                    PrefixPiece second = piece.part(cut, rows);
                    PackedKv other = new PackedKv(pool, SHAPE, SLOTS);
                    assertThat(other.reserve(from + rows, 0)).isTrue();
                    other.copyIn(second, SLOTS - slot - 1, 0, 1, from + cut, rows - cut);
                    assertRows(pool, other, 0, SLOTS - 1, from + cut, from + rows);
                    target.close();
                    other.close();
                }
                source.close();
                assertThat(pool.usedBytes()).isZero();
            }
        }
    }
}
