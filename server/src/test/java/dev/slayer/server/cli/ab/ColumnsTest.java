package dev.slayer.server.cli.ab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ColumnsTest {
    @Test
    void textsStandBesideOneAnotherWrappedToTheWidth() {
        String text = new Columns(43)
                .text(
                        List.of("one", "two"),
                        List.of("The quick brown fox jumps over the lazy dog.", "Short\n\nwith a gap"));
        assertThat(text).isEqualTo("""
                one                  | two
                -------------------- | --------------------
                The quick brown fox  | Short
                jumps over the lazy  |
                dog.                 | with a gap
                """);
    }

    @Test
    void noLineIsLongerThanTheWidthWhateverTheTextIs() {
        String word = "x".repeat(100) + " é☃\uD83D\uDE00".repeat(40);
        for (int width : new int[] {20, 37, 80, 200}) {
            String text = new Columns(width).text(List.of(word, "b", "c"), List.of("", word, word + "\n" + word));
            assertThat(text.lines()).allMatch(line -> line.codePointCount(0, line.length()) <= width);
            assertThat(text.lines()).noneMatch(line -> line.endsWith(" "));
        }
    }

    @Test
    void whereColumnsWouldBeTooNarrowTheTextsStandBelowOneAnother() {
        assertThat(new Columns(24).text(List.of("one", "two"), List.of("first", "second")))
                .isEqualTo("""
                one
                ------------------------
                first

                two
                ------------------------
                second

                """);
    }

    @Test
    void whatAModelSaysCannotSteerTheTerminal() {
        assertThat(Columns.wrap("a\u001b[31mred\u0007\tb\r", 40)).containsExactly("a\uFFFD[31mred\uFFFD b\uFFFD");
    }

    @Test
    void leadingSpacesStayAndLongWordsAreCut() {
        assertThat(Columns.wrap("  indented", 20)).containsExactly("  indented");
        assertThat(Columns.wrap("abcdefghij", 4)).containsExactly("abcd", "efgh", "ij");
    }
}
