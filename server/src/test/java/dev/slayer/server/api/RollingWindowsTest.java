package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RollingWindowsTest {
    private static final int PREFIX = 0;

    /** Tokens 1 to n after the prefix. */
    private static Passage text(int tokens) {
        return new Passage(
                TokenSpan.of(PREFIX),
                TokenSpan.of(IntStream.rangeClosed(1, tokens).toArray()));
    }

    private static String show(List<Passage> windows) {
        return String.join(
                " ",
                windows.stream()
                        .map(window -> show(window.context()) + ":" + show(window.scored()))
                        .toList());
    }

    private static String show(TokenSpan span) {
        int[] tokens = Arrays.copyOfRange(span.tokens(), span.from(), span.to());
        return String.join(
                "-", Arrays.stream(tokens).mapToObj(Integer::toString).toList());
    }

    /** The right column is what get_rolling_token_windows and make_disjoint_window of lm-evaluation-harness 0.4.13 give. */
    @ParameterizedTest
    @CsvSource({
        "5, 8, 0:1-2-3-4-5",
        "6, 8, 0:1-2-3-4-5-6",
        "7, 8, 0:1-2-3-4-5-6 1-2-3-4-5-6:7",
        "10, 8, 0:1-2-3-4-5-6 4-5-6:7-8-9-10",
        "12, 8, 0:1-2-3-4-5-6 6:7-8-9-10-11-12",
        "4, 3, 0:1 1:2 2:3 3:4"
    })
    void theLargestStrideGivesTheWindowsOfTheHarness(int tokens, int maxLength, String expected) {
        RollingWindows rolling = new RollingWindows(maxLength - 1, maxLength - 2);
        assertThat(show(rolling.over(text(tokens)))).isEqualTo(expected);
    }

    /** The same function with a context_len of 4 and 6, which is what a stride of 3 and 1 says. */
    @ParameterizedTest
    @CsvSource({
        "13, 3, 0:1-2-3-4-5-6 3-4-5-6:7-8-9 6-7-8-9:10-11-12 7-8-9-10-11-12:13",
        "8, 1, 0:1-2-3-4-5-6 1-2-3-4-5-6:7 2-3-4-5-6-7:8"
    })
    void aSmallerStrideKeepsMoreContext(int tokens, int stride, String expected) {
        assertThat(show(new RollingWindows(7, stride).over(text(tokens)))).isEqualTo(expected);
    }

    @Test
    void everyTokenIsScoredOnceInOrderAndEveryWindowFits() {
        for (int size = 2; size < 12; size++) {
            for (int stride = 1; stride < size; stride++) {
                for (int tokens = 1; tokens < 40; tokens++) {
                    RollingWindows rolling = new RollingWindows(size, stride);
                    List<Passage> windows = rolling.over(text(tokens));
                    assertThat(windows).hasSize(rolling.count(tokens));
                    List<Integer> scored = new ArrayList<>();
                    for (Passage window : windows) {
                        assertThat(window.length()).isLessThanOrEqualTo(size);
                        TokenSpan span = window.scored();
                        for (int i = span.from(); i < span.to(); i++) {
                            scored.add(span.tokens()[i]);
                        }
                        assertFollows(window);
                    }
                    assertThat(scored)
                            .isEqualTo(IntStream.rangeClosed(1, tokens).boxed().toList());
                }
            }
        }
    }

    /** Its tokens are a stretch of prefix and text without a hole. */
    private static void assertFollows(Passage window) {
        int[] tokens = window.tokens();
        for (int i = 1; i < tokens.length; i++) {
            assertThat(tokens[i]).isEqualTo(tokens[i - 1] + 1);
        }
    }
}
