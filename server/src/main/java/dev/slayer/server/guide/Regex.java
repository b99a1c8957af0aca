package dev.slayer.server.guide;

import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.util.automaton.Automata;
import org.apache.lucene.util.automaton.Automaton;
import org.apache.lucene.util.automaton.Operations;

/**
 * Reads a regular expression in the syntax that Java, Python and ECMAScript share, into an automaton over characters. What has no
 * automaton (references, looking around, word borders) or other meanings elsewhere is refused by name; Lucene's own syntax is not
 * used, since it reads {@code \n} as the letter n.
 */
final class Regex {
    /** Characters of a pattern. */
    static final int LONGEST = 10_000;

    private static final int DEEPEST = 100;
    private static final int MOST_REPEATS = 10_000;

    private final String pattern;
    /** Whether a match may lie anywhere in the text, as in JSON Schema, unless the pattern is anchored. */
    private final boolean search;

    private int at;
    private int depth;

    private Regex(String pattern, boolean search) {
        this.pattern = pattern;
        this.search = search;
    }

    /** Texts that match as a whole. @throws ConstraintException if the pattern is broken, unsupported or too large */
    static Automaton whole(String pattern) {
        return new Regex(pattern, false).parsed();
    }

    /** Texts that hold a match. @throws ConstraintException if the pattern is broken, unsupported or too large */
    static Automaton search(String pattern) {
        return new Regex(pattern, true).parsed();
    }

    private Automaton parsed() {
        if (pattern.length() > LONGEST) {
            throw ConstraintException.invalid("has " + pattern.length() + " characters; allowed: " + LONGEST);
        }
        Automaton result = alternatives();
        if (at < pattern.length()) {
            throw broken("has a ')' without its '('");
        }
        return result;
    }

    private Automaton alternatives() {
        List<Automaton> found = new ArrayList<>();
        found.add(sequence());
        while (at < pattern.length() && pattern.charAt(at) == '|') {
            at++;
            found.add(sequence());
        }
        return found.size() == 1 ? found.getFirst() : Automatons.bounded(Operations.union(found));
    }

    private Automaton sequence() {
        List<Automaton> parts = new ArrayList<>();
        boolean top = depth == 0;
        boolean fromStart = top && taken('^');
        boolean toEnd = false;
        while (at < pattern.length() && pattern.charAt(at) != '|' && pattern.charAt(at) != ')') {
            if (pattern.charAt(at) == '$' && top && (at + 1 == pattern.length() || pattern.charAt(at + 1) == '|')) {
                at++;
                toEnd = true;
            } else {
                parts.add(repeated(atom()));
            }
        }
        if (search && top && !fromStart) {
            parts.addFirst(Automatons.anyText());
        }
        if (search && top && !toEnd) {
            parts.addLast(Automatons.anyText());
        }
        return parts.isEmpty() ? Automata.makeEmptyString() : Automatons.bounded(Operations.concatenate(parts));
    }

    private Automaton atom() {
        char c = pattern.charAt(at++);
        return switch (c) {
            case '(' -> group();
            case '[' -> new RegexClass(pattern, at, end -> at = end).parsed();
            case '.' -> Automatons.characters(RegexClass.ANY_BUT_LINE_ENDS);
            case '\\' -> escape();
            case '^', '$' -> throw unsupported("'" + c + "' anywhere but at the ends of the pattern");
            case '*', '+', '?', '{' -> throw broken("has '" + c + "' with nothing to repeat; write \\" + c);
            default -> {
                at--;
                int character = pattern.codePointAt(at);
                at += Character.charCount(character);
                yield Automatons.characters(List.of(new int[] {character, character}));
            }
        };
    }

    private Automaton group() {
        if (taken('?')) {
            if (!taken(':')) {
                boolean python = taken('P');
                if (!taken('<') || at == pattern.length() || "=!".indexOf(pattern.charAt(at)) >= 0) {
                    throw unsupported(python ? "(?P...) other than a named group" : "(?...) other than a plain group");
                }
                int close = pattern.indexOf('>', at);
                if (close < 0) {
                    throw broken("has a group whose name does not end");
                }
                at = close + 1;
            }
        }
        if (++depth > DEEPEST) {
            throw ConstraintException.invalid("has groups nested deeper than " + DEEPEST + " levels");
        }
        Automaton inside = alternatives();
        depth--;
        if (!taken(')')) {
            throw broken("has a '(' without its ')'");
        }
        return inside;
    }

    private Automaton escape() {
        RegexEscape escape = RegexEscape.read(pattern, at);
        at = escape.end();
        return Automatons.characters(escape.ranges());
    }

    private Automaton repeated(Automaton atom) {
        Automaton result = atom;
        while (at < pattern.length()) {
            switch (pattern.charAt(at)) {
                case '*' -> result = taking(result, 0, -1);
                case '+' -> result = taking(result, 1, -1);
                case '?' -> result = taking(result, 0, 1);
                case '{' -> result = counted(result);
                default -> {
                    return result;
                }
            }
            if (taken('+')) {
                throw unsupported("a possessive repetition");
            }
            // A lazy repetition matches the same whole texts.
            if (!taken('?') && at < pattern.length() && "*{".indexOf(pattern.charAt(at)) >= 0) {
                throw broken("repeats a repetition; put the inner one into a group");
            }
        }
        return result;
    }

    private Automaton taking(Automaton atom, int least, int most) {
        at++;
        return Automatons.repeated(atom, least, most);
    }

    private Automaton counted(Automaton atom) {
        int close = pattern.indexOf('}', at);
        String inside = close < 0 ? "" : pattern.substring(at + 1, close);
        if (!inside.matches("[0-9]{1,9}(,[0-9]{0,9})?")) {
            throw broken("has a '{' that is no repetition such as {2} or {2,5}; write \\{ for the character");
        }
        String[] bounds = inside.split(",", -1);
        int least = Integer.parseInt(bounds[0]);
        int most = bounds.length == 1 ? least : bounds[1].isEmpty() ? -1 : Integer.parseInt(bounds[1]);
        if (most >= 0 && most < least) {
            throw broken("has a repetition {" + inside + "} whose end is before its beginning");
        }
        if (Math.max(least, most) > MOST_REPEATS) {
            throw ConstraintException.invalid("repeats {" + inside + "} times; allowed: " + MOST_REPEATS);
        }
        at = close + 1;
        return Automatons.repeated(atom, least, most);
    }

    private boolean taken(char c) {
        boolean there = at < pattern.length() && pattern.charAt(at) == c;
        at += there ? 1 : 0;
        return there;
    }

    private ConstraintException broken(String what) {
        return ConstraintException.invalid(what + " (before character " + at + ")");
    }

    private ConstraintException unsupported(String what) {
        return ConstraintException.unsupported(
                "uses " + what + " (before character " + at + "), which is not supported");
    }
}
