package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.Graph;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TurnDataTest {
    private static final PageShape PAGES = new PageShape(256, 2048);
    private static final int CONTEXT = 8192;
    private static final int MOST = 1024;

    /** What of a form the library sees. */
    private record Seen(int sequences, int rows, int width) {}

    private static TurnData.Form form(int recordAfter, float attention, int rows, int... before) {
        PackedOptions options = new PackedOptions(
                ElementType.BFLOAT16,
                ElementType.BFLOAT16,
                Graph.MICROSOFT,
                256,
                3,
                MOST,
                512,
                256,
                Long.MAX_VALUE,
                recordAfter);
        List<int[]> sequences =
                IntStream.of(before).mapToObj(past -> new int[] {past, rows}).toList();
        return TurnData.Form.of(Turns.of(attention, sequences), PAGES, options);
    }

    @ParameterizedTest
    @ValueSource(floats = {1, 0.5f, 0})
    void decodingComesInFewFormsWhateverTheStacksTheSequencesAndTheirLengths(float attention) {
        Random random = new Random(7);
        Set<Seen> seen = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            int[] before = random.ints(1 + random.nextInt(MOST), 0, 1 + random.nextInt(CONTEXT - 1))
                    .toArray();
            TurnData.Form form = form(16, attention, 1, before);
            assertThat(form.replayable()).isEqualTo(attention == 1 && before.length <= 256);
            assertThat(form.sequences()).isBetween(before.length, 2 * before.length);
            assertThat(form.rows()).isEqualTo(form.sequences());
            seen.add(new Seen(form.sequences(), form.rows(), form.width()));
        }
        assertThat(seen).hasSizeBetween(20, 11 * 6); // 1 to 1,024 sequences, 1 to 32 pages
    }

    @ParameterizedTest
    @ValueSource(floats = {1, 0.5f})
    void promptsAndWhatIsNeverRecordedAreNotPadded(float attention) {
        assertThat(form(16, attention, 3, 700, 10, 5)).satisfies(form -> {
            assertThat(new Seen(form.sequences(), form.rows(), form.width())).isEqualTo(new Seen(3, 9, 3));
            assertThat(form.replayable()).isFalse();
        });
        assertThat(form(0, attention, 1, 700, 10, 5)).satisfies(form -> {
            assertThat(new Seen(form.sequences(), form.rows(), form.width())).isEqualTo(new Seen(3, 3, 3));
            assertThat(form.replayable()).isFalse();
        });
    }
}
