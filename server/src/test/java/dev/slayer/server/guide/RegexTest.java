package dev.slayer.server.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.lucene.util.IntsRef;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Patterns mean here what java.util.regex says that they mean, over every vocabulary. */
class RegexTest {
    private static final List<String> PATTERNS = List.of(
            "yes|no",
            "[0-9]{3}-[0-9]{4}",
            "(a|b)*abb",
            "\\d+(\\.\\d{1,2})?",
            "[^a-z\\s]{2,6}",
            "\\w+@\\w+\\.(com|org)",
            "(?:ab){2,}c?",
            "(?<year>19|20)\\d\\d",
            "[A-Z][a-z]*( [A-Z][a-z]*){0,2}",
            "é+|[α-ω]{2}|🌡️?",
            ".{1,5}",
            "\\W\\D\\S",
            "^(x|yz)$|^w$",
            "a{0}b",
            "[\\]\\-\\\\^]+",
            "a*?b+?c??",
            "\\x41\\u0042\\t\\n",
            "[a-c&]-?[-x]",
            "()|ab|");

    @Provide
    Arbitrary<String> patterns() {
        return Arbitraries.of(PATTERNS);
    }

    @Provide
    Arbitrary<Tokenizer> tokenizers() {
        return Arbitraries.of(Walks.TOKENIZERS);
    }

    @Property(tries = 400)
    void whatIsGeneratedMatches(
            @ForAll("patterns") String pattern, @ForAll("tokenizers") Tokenizer tokenizer, @ForAll long seed) {
        String text = Walks.random(tokenizer, new Constraint.Regex(pattern), new Random(seed));
        assertThat(text).matches(Pattern.compile(pattern, Pattern.DOTALL));
    }

    @ParameterizedTest
    @CsvSource(delimiterString = "::", quoteCharacter = '`', textBlock = """
            [0-9]{3}-[0-9]{4}     :: 555-0199  :: 555-01990
            (a|b)*abb             :: babaabb   :: abab
            \\d+(\\.\\d{1,2})?       :: 12.50     :: 12.
            [^a-z\\s]{2,6}         :: ÄÖ🌡7      :: Ab
            \\w+@\\w+\\.(com|org)   :: a_b@c.org :: a@b@c.org
            .{1,5}                :: \\"é🌡x    :: `a\nb`
            a{2,}                 :: aaaaa     :: a
            ^ab$                  :: ab        :: ^ab$
            """)
    void everyWayToCutAMatchIntoTokensIsAllowedAndNothingElse(String pattern, String match, String other) {
        for (Tokenizer tokenizer : Walks.TOKENIZERS) {
            Constraint regex = new Constraint.Regex(pattern);
            assertThat(Walks.accepts(tokenizer, regex, match, new Random(1))).isTrue();
            assertThat(Walks.accepts(tokenizer, regex, other, new Random(2))).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(?=a)b",
                "(?!a)b",
                "(?<=a)b",
                "(?<!a)b",
                "(?i)a",
                "(a)\\1",
                "\\bword\\b",
                "\\p{L}",
                "a*+",
                "a^b",
                "a$b",
                "[a[bc]]",
                "[a&&b]",
                "\\ud800",
                "(^a)",
                "\\k<x>",
                "\\A",
                "[]"
            })
    void whatHasNoAutomatonOrSeveralMeaningsIsRefused(String pattern) {
        assertThatThrownBy(() -> Regex.whole(pattern)).isInstanceOf(ConstraintException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a", "a)", "[a", "*a", "a{2,1}", "a{x}", "{", "a**", "a\\", "\\xg0", "[b-a]", "(?<name", "[a-\\d]"
            })
    void brokenPatternsAreRefused(String pattern) {
        assertThatThrownBy(() -> Regex.whole(pattern))
                .isInstanceOfSatisfying(
                        ConstraintException.class,
                        e -> assertThat(e.isUnsupported()).isFalse());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(a{1000}){1000}",
                "((a{100}){100}){100}",
                "(a?){10000}b{10000}",
                "(a|b)*a(a|b){30}",
                "[a-z]{99999}"
            })
    void patternsOfTooManyStatesAreRefusedByTheirSize(String pattern) {
        assertThatThrownBy(() -> Automatons.bytes(Regex.whole(pattern)))
                .isInstanceOf(ConstraintException.class)
                .hasMessageMatching(".*(too large|allowed: 10000).*");
    }

    @Test
    void anyCharacterIsWellFormedUtf8AndNothingElse() {
        Automaton any = Automatons.bytes(Automatons.anyCharacter());
        for (int c = 0; c <= Character.MAX_CODE_POINT; c += c < 0x11000 ? 1 : 97) {
            boolean character = c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE;
            assertThat(Operations.run(any, bytes(utf8(c)))).as("U+%X", c).isEqualTo(character);
        }
        for (String broken : List.of(
                "c080", "c1bf", "e08fa5", "e09fbf", "f08ea584", "f08fbfbf", "f4908080", "eda080", "80", "e282")) {
            assertThat(Operations.run(any, bytes(HexFormat.of().parseHex(broken))))
                    .as(broken)
                    .isFalse();
        }
    }

    /** Also of surrogates, which have none. */
    private static byte[] utf8(int c) {
        boolean surrogate = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
        return surrogate
                ? new byte[] {(byte) 0xED, (byte) (0x80 | (c >> 6 & 0x3F)), (byte) (0x80 | (c & 0x3F))}
                : Character.toString(c).getBytes(StandardCharsets.UTF_8);
    }

    private static IntsRef bytes(byte[] bytes) {
        int[] unsigned = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            unsigned[i] = bytes[i] & 0xFF;
        }
        return new IntsRef(unsigned, 0, unsigned.length);
    }

    @Test
    void longAndDeepPatternsAreRefused() {
        assertThatThrownBy(() -> Regex.whole("a".repeat(Regex.LONGEST + 1))).hasMessageContaining("allowed: 10000");
        assertThatThrownBy(() -> Regex.whole("(".repeat(2_000) + "a" + ")".repeat(2_000)))
                .hasMessageContaining("nested deeper than 100");
    }
}
