package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.engine.block.Turn;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TurnSplitTest {
    private static final int STAGED = 1000;

    /** Sequences as [rows before, new rows]. */
    private static Turn turn(int[]... sequences) {
        return Turns.of(1, List.of(sequences));
    }

    private static List<Turn> split(ElementType kv, int maxSequences, Turn turn) {
        PackedOptions options = new PackedOptions(
                ElementType.BFLOAT16, kv, Graph.MICROSOFT, 256, 3, maxSequences, STAGED, 256, Long.MAX_VALUE, 0);
        return new TurnSplit(options).of(List.of(turn));
    }

    private static List<int[]> chunks(Turn turn) {
        return turn.members().stream()
                .map(member -> new int[] {member.chunk().from(), member.chunk().count()})
                .toList();
    }

    @Test
    void sequencesWithOneNewRowRunByThemselvesIfKeysAndValuesAreQuantized() {
        Turn mixed = turn(new int[] {8000, 1}, new int[] {0, 40}, new int[] {0, 1}, new int[] {10, 5});
        List<Turn> parts = split(ElementType.INT8, 256, mixed);
        assertThat(parts).hasSize(2);
        assertThat(chunks(parts.getFirst())).containsExactly(new int[] {8000, 1}, new int[] {0, 1});
        assertThat(parts.getFirst().rows()).isEqualTo(2);
        assertThat(chunks(parts.getLast())).containsExactly(new int[] {0, 40}, new int[] {10, 5});
        assertThat(parts.getLast().rows()).isEqualTo(45);
        assertThat(split(ElementType.BFLOAT16, 256, mixed)).containsExactly(mixed);
    }

    @Test
    void pureDecodingStaysWhole() {
        Turn decoding = turn(new int[] {8000, 1}, new int[] {3, 1}, new int[] {70_000, 1});
        assertThat(split(ElementType.FLOAT8E4M3FN, 256, decoding)).containsExactly(decoding);
        assertThat(split(ElementType.FLOAT8E4M3FN, 2, decoding)).hasSize(2);
    }

    @Test
    void groupsTimesTheirLongestStayBelowTheLimitUnlessOneIsLongerAlone() {
        int[][] sequences = IntStream.range(0, 60)
                .mapToObj(i -> new int[] {i % 10 == 0 ? 5000 : i % 7 * 30, 2 + i % 5})
                .toArray(int[][]::new);
        Turn whole = turn(sequences);
        List<Turn> parts = split(ElementType.INT8, 256, whole);
        for (Turn part : parts) {
            int longest =
                    part.members().stream().mapToInt(TurnSplit::rows).max().orElseThrow();
            assertThat(part.members().size() == 1 || part.members().size() * longest <= STAGED)
                    .as("%d sequences of up to %d rows", part.members().size(), longest)
                    .isTrue();
            assertThat(part.members()).isSortedAccordingTo(Comparator.comparingInt(Turn.Member::row));
        }
        assertThat(parts.stream().flatMap(part -> part.members().stream()))
                .containsExactlyInAnyOrderElementsOf(whole.members());
        assertThat(parts.stream().mapToInt(Turn::rows).sum()).isEqualTo(whole.rows());
        assertThat(parts).as("six that are longer alone, 54 of up to 186 rows").hasSizeBetween(6 + 5, 6 + 13);
    }
}
