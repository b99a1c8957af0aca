package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import org.junit.jupiter.api.Test;

/** Stop strings cut at the right place, whatever the pieces. */
class StopMatcherTest {
    @Test
    void aStopStringAcrossPiecesCutsBeforeItAndNothingOfItWasShown() {
        StopMatcher stops = new StopMatcher(List.of("END"), false);
        assertThat(stops.append("one E", true)).isEqualTo(new StopMatcher.Match("one ", Optional.empty()));
        assertThat(stops.append("N", true)).isEqualTo(new StopMatcher.Match("", Optional.empty()));
        assertThat(stops.append("D two", true)).isEqualTo(new StopMatcher.Match("", Optional.of("END")));
    }

    @Test
    void aBeginningThatDoesNotGoOnIsShownAfterAll() {
        StopMatcher stops = new StopMatcher(List.of("END"), false);
        assertThat(stops.append("EN", true).text()).isEmpty();
        assertThat(stops.append("ergy E", true).text()).isEqualTo("ENergy ");
        assertThat(stops.flush()).isEqualTo("E");
    }

    @Test
    void theEarliestOfSeveralStopsWins() {
        StopMatcher stops = new StopMatcher(List.of("zz", "b", "bc", "\nQ:", "cd", "d"), false);
        assertThat(stops.append("abcd", true)).isEqualTo(new StopMatcher.Match("a", Optional.of("b")));
    }

    @Test
    void includeKeepsTheStopString() {
        StopMatcher stops = new StopMatcher(List.of("b"), true);
        assertThat(stops.append("abc", true)).isEqualTo(new StopMatcher.Match("ab", Optional.of("b")));
    }

    @Test
    void beforeMinTokensStopStringsPass() {
        StopMatcher stops = new StopMatcher(List.of("b"), false);
        assertThat(stops.append("abc", false)).isEqualTo(new StopMatcher.Match("abc", Optional.empty()));
    }

    @Property(tries = 300)
    void piecesMakeNoDifference(
            @ForAll @StringLength(max = 30) @CharRange(from = 'a', to = 'c') String text,
            @ForAll @Size(min = 1, max = 4) List<@StringLength(min = 1, max = 3) @CharRange(from = 'a', to = 'c') String> stops,
            @ForAll @IntRange(min = 1, max = 5) int piece) {
        StopMatcher matcher = new StopMatcher(stops, false);
        StringBuilder shown = new StringBuilder();
        boolean stopped = false;
        for (int at = 0; at < text.length() && !stopped; at += piece) {
            StopMatcher.Match match = matcher.append(text.substring(at, Math.min(at + piece, text.length())), true);
            shown.append(match.text());
            stopped = match.stop().isPresent();
        }
        if (!stopped) {
            shown.append(matcher.flush());
        }
        assertThat(text).startsWith(shown.toString());
        assertThat(stops).noneMatch(stop -> shown.indexOf(stop) >= 0);
        assertThat(stopped).isEqualTo(stops.stream().anyMatch(text::contains));
    }
}
