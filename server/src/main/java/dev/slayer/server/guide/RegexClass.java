package dev.slayer.server.guide;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;
import org.apache.lucene.util.automaton.Automaton;

/** Reads a character class such as {@code [^a-z\d_]}. */
final class RegexClass {
    /** What a dot matches: anything but what Java, Python or ECMAScript take for the end of a line. */
    static final List<int[]> ANY_BUT_LINE_ENDS = complement(List.of(
            new int[] {'\n', '\n'}, new int[] {'\r', '\r'}, new int[] {0x85, 0x85}, new int[] {0x2028, 0x2029}));

    private final String pattern;
    private final IntConsumer goOn;
    private int at;

    /**
     * @param at behind the opening bracket
     * @param goOn is told where the pattern goes on behind the class
     */
    RegexClass(String pattern, int at, IntConsumer goOn) {
        this.pattern = pattern;
        this.at = at;
        this.goOn = goOn;
    }

    Automaton parsed() {
        boolean not = peek() == '^';
        at += not ? 1 : 0;
        List<int[]> ranges = new ArrayList<>();
        while (peek() != ']') {
            ranges.addAll(item());
        }
        at++;
        if (ranges.isEmpty()) {
            throw ConstraintException.unsupported("has an empty character class, which is not supported");
        }
        goOn.accept(at);
        return Automatons.characters(not ? complement(ranges) : ranges);
    }

    /** A character, a range of characters, or an escape that stands for several. */
    private List<int[]> item() {
        RegexEscape low = character();
        if (peek() != '-' || at + 1 >= pattern.length() || pattern.charAt(at + 1) == ']') {
            return low.ranges();
        }
        at++;
        RegexEscape high = character();
        if (!low.single() || !high.single()) {
            throw ConstraintException.invalid("has a character class with a range that does not end in characters");
        }
        int from = low.ranges().getFirst()[0];
        int to = high.ranges().getFirst()[0];
        if (from > to) {
            throw ConstraintException.invalid("has a character class with a range whose end is before its beginning");
        }
        return List.of(new int[] {from, to});
    }

    private RegexEscape character() {
        int c = peek();
        if (c == '\\') {
            RegexEscape escape = RegexEscape.read(pattern, at + 1);
            at = escape.end();
            return escape;
        }
        if (c == '[' || (c == '&' && pattern.startsWith("&&", at))) {
            throw ConstraintException.unsupported("has " + (c == '[' ? "[" : "&&")
                    + " inside a character class, which languages read in different ways;"
                    + " write a backslash before it");
        }
        at += Character.charCount(c);
        return new RegexEscape(List.of(new int[] {c, c}), at);
    }

    private int peek() {
        if (at >= pattern.length()) {
            throw ConstraintException.invalid("has a '[' without its ']'");
        }
        return pattern.codePointAt(at);
    }

    /** All other code points. */
    static List<int[]> complement(List<int[]> ranges) {
        List<int[]> sorted = new ArrayList<>(ranges);
        sorted.sort(Comparator.comparingInt(range -> range[0]));
        List<int[]> others = new ArrayList<>();
        int next = 0;
        for (int[] range : sorted) {
            if (range[0] > next) {
                others.add(new int[] {next, range[0] - 1});
            }
            next = Math.max(next, range[1] + 1);
        }
        if (next <= Character.MAX_CODE_POINT) {
            others.add(new int[] {next, Character.MAX_CODE_POINT});
        }
        return others;
    }
}
