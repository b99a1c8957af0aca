package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.Float32Source;
import dev.slayer.surgery.checkpoint.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StackedRowsTest {
    private static final int COLUMNS = 5;

    /** Matrices of so many rows each, whose elements count up over all of them. */
    private static StackedRows counting(Arena arena, int... rows) {
        List<Float32Source> parts = new ArrayList<>();
        int next = 0;
        for (int count : rows) {
            float[] values = new float[count * COLUMNS];
            for (int i = 0; i < values.length; i++) {
                values[i] = next++;
            }
            parts.add(new Tensor(
                    "part", DType.F32, List.of((long) count, (long) COLUMNS), arena.allocateFrom(JAVA_FLOAT, values)));
        }
        return new StackedRows(parts);
    }

    @Test
    void anyRowsAreReadAcrossTheBordersOfMatrices() {
        try (Arena arena = Arena.ofShared()) {
            StackedRows rows = counting(arena, 3, 1, 4, 2);
            assertThat(rows.count()).isEqualTo(10);
            assertThat(rows.columns()).isEqualTo(COLUMNS);
            for (int from = 0; from < 10; from++) {
                for (int to = from + 1; to <= 10; to++) {
                    float[] read = new float[(to - from) * COLUMNS];
                    rows.read(from, MemorySegment.ofArray(read));
                    assertThat(read[0]).as("%d to %d", from, to).isEqualTo(from * COLUMNS);
                    assertThat(read[read.length - 1]).as("%d to %d", from, to).isEqualTo(to * COLUMNS - 1);
                    assertThat(read).isSorted();
                }
            }
        }
    }

    @Test
    void allRowsAreReadByManyThreads() {
        try (Arena arena = Arena.ofShared()) {
            StackedRows rows = counting(arena, 300, 1, 77);
            MemorySegment all = arena.allocate(JAVA_FLOAT, 378L * COLUMNS);
            rows.readAll(all);
            float[] expected = new float[378 * COLUMNS];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = i;
            }
            assertThat(all.toArray(JAVA_FLOAT)).isEqualTo(expected);
        }
    }
}
