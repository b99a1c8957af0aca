package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.accelerator.HostAccelerator;
import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Pages of several shapes share one memory: none overlaps another, all come back, and the limit holds. */
class PagePoolTest {
    private static final int CHUNK = 1024;
    private static final List<PageShape> SHAPES =
            List.of(new PageShape(16, 64), new PageShape(16, 96), new PageShape(32, 256));
    private final HostAccelerator accelerator = new HostAccelerator(1L << 26);

    @Test
    void pagesOfOneShapeFillAllTheMemory() {
        PageShape shape = SHAPES.getFirst();
        try (PagePool pool = new PagePool(accelerator, 2 * 1000 * shape.bytes(), CHUNK)) {
            int[] all = pool.take(shape, 1000);
            assertThat(all).hasSize(1000).doesNotHaveDuplicates();
            assertThat(pool.usedBytes()).isEqualTo(2 * 1000 * shape.bytes()).isEqualTo(pool.limitBytes());
            assertThat(pool.take(shape, 1)).isNull();
            pool.giveBack(shape, all);
            assertThat(pool.usedBytes()).isZero();
        }
    }

    @Test
    void aRefusedTakeChangesNothing() {
        PageShape shape = SHAPES.getFirst();
        try (PagePool pool = new PagePool(accelerator, 2 * 10 * shape.bytes(), CHUNK)) {
            int[] some = pool.take(shape, 6);
            assertThat(pool.take(shape, 5)).isNull();
            assertThat(pool.usedBytes()).isEqualTo(2 * 6 * shape.bytes());
            assertThat(pool.take(shape, 4)).hasSize(4);
            assertThat(some).hasSize(6);
        }
    }

    @Test
    void memoryThatOneShapeGaveBackServesAnother() {
        try (PagePool pool = new PagePool(accelerator, 1L << 22, CHUNK)) {
            for (PageShape shape : List.of(SHAPES.get(0), SHAPES.get(1), SHAPES.get(2), SHAPES.get(0))) {
                List<int[]> taken = new ArrayList<>();
                for (int[] pages = pool.take(shape, 3); pages != null; pages = pool.take(shape, 3)) {
                    taken.add(pages);
                }
                assertThat(6L * taken.size() * shape.bytes())
                        .as("bytes of %s", shape)
                        .isGreaterThan(pool.limitBytes() * 9 / 10);
                taken.forEach(pages -> pool.giveBack(shape, pages));
                assertThat(pool.usedBytes()).isZero();
            }
        }
    }

    @Test
    void aLastSlabThatIsTooShortForAPageDoesNotHideThoseThatAreNot() {
        PageShape small = new PageShape(16, 64);
        PageShape large = new PageShape(16, 7 * 64); // as large as a slab, which is 7 of the 1000 small pages
        try (PagePool pool = new PagePool(accelerator, 2 * 1000 * small.bytes(), CHUNK)) {
            pool.giveBack(small, pool.take(small, 142 * 7)); // all slabs but the last, of 6
            assertThat(pool.take(large, 142)).hasSize(142).doesNotHaveDuplicates();
            assertThat(pool.take(large, 1)).isNull();
            assertThat(pool.take(small, 6)).hasSize(6);
        }
    }

    /** Takes and gives back at random and keeps book of every byte. */
    @Test
    void noTwoPagesOverlapWhateverIsTakenAndGivenBack() {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            try (PagePool pool = new PagePool(accelerator, 1L << 18, CHUNK)) {
                Map<PageShape, List<Integer>> taken = new HashMap<>();
                SHAPES.forEach(shape -> taken.put(shape, new ArrayList<>()));
                for (int round = 0; round < 300; round++) {
                    PageShape shape = SHAPES.get(random.nextInt(SHAPES.size()));
                    List<Integer> mine = taken.get(shape);
                    if (random.nextBoolean()) {
                        int[] pages = pool.take(shape, 1 + random.nextInt(5));
                        for (int page : pages == null ? new int[0] : pages) {
                            mine.add(page);
                        }
                    } else if (!mine.isEmpty()) {
                        Collections.swap(mine, random.nextInt(mine.size()), mine.size() - 1);
                        pool.giveBack(shape, mine.removeLast());
                    }
                    assertApart(pool, taken);
                }
            }
        }
    }

    private static void assertApart(PagePool pool, Map<PageShape, List<Integer>> taken) {
        Set<Long> cells = new HashSet<>(); // of 32 bytes, which divide every page
        long bytes = 0;
        for (PageShape shape : SHAPES) {
            for (int page : taken.get(shape)) {
                assertThat(page).isBetween(0, (int) pool.count(shape) - 1);
                bytes += 2 * shape.bytes();
                for (long at = page * shape.bytes(); at < (page + 1) * shape.bytes(); at += 32) {
                    assertThat(cells.add(at)).as("page %d of %s", page, shape).isTrue();
                }
            }
        }
        assertThat(pool.usedBytes()).isEqualTo(bytes).isLessThanOrEqualTo(pool.limitBytes());
    }

    @Test
    void modelsMayBeLoadedWhileAnEngineRuns() {
        try (PagePool pool = new PagePool(accelerator, 1L << 20, CHUNK)) {
            List<Set<Integer>> taken = IntStream.range(0, 4)
                    .parallel()
                    .mapToObj(thread -> {
                        Set<Integer> mine = new HashSet<>();
                        for (int round = 0; round < 2000; round++) {
                            int page = pool.spare(SHAPES.getFirst());
                            assertThat(mine.add(page)).isTrue();
                            if (round % 20 != 0) {
                                pool.giveSpareBack(SHAPES.getFirst(), page);
                                mine.remove(page);
                            }
                        }
                        return mine;
                    })
                    .toList();
            assertThat(taken.stream().flatMap(Set::stream).toList())
                    .hasSize(400)
                    .doesNotHaveDuplicates();
            assertThat(pool.usedBytes()).as("spare pages are nobody's").isZero();
        }
    }

    @Test
    void whoFindsNoMemoryLeavesNoneBehind() {
        long before = DeviceMemory.liveBytes();
        HostAccelerator small = new HostAccelerator(3 << 19); // for keys, not for values
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> new PagePool(small, 2 << 20, CHUNK))
                .satisfies(refused -> assertThat(refused.status()).isEqualTo(507));
        assertThat(DeviceMemory.liveBytes()).isEqualTo(before);
    }
}
