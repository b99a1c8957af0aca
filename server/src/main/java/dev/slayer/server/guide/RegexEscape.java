package dev.slayer.server.guide;

import java.util.List;

/**
 * What follows a backslash in a pattern: one character, or a class of them.
 *
 * @param ranges of code points
 * @param end where the pattern goes on
 */
record RegexEscape(List<int[]> ranges, int end) {
    private static final List<int[]> DIGITS = List.of(new int[] {'0', '9'});
    private static final List<int[]> WORD =
            List.of(new int[] {'0', '9'}, new int[] {'A', 'Z'}, new int[] {'_', '_'}, new int[] {'a', 'z'});
    private static final List<int[]> SPACE = List.of(new int[] {'\t', '\r'}, new int[] {' ', ' '});

    /** @param at behind the backslash */
    static RegexEscape read(String pattern, int at) {
        if (at == pattern.length()) {
            throw ConstraintException.invalid("ends with a backslash");
        }
        char c = pattern.charAt(at);
        int end = at + 1;
        return switch (c) {
            case 'd' -> new RegexEscape(DIGITS, end);
            case 'w' -> new RegexEscape(WORD, end);
            case 's' -> new RegexEscape(SPACE, end);
            case 'D' -> new RegexEscape(RegexClass.complement(DIGITS), end);
            case 'W' -> new RegexEscape(RegexClass.complement(WORD), end);
            case 'S' -> new RegexEscape(RegexClass.complement(SPACE), end);
            case 'n' -> one('\n', end);
            case 't' -> one('\t', end);
            case 'r' -> one('\r', end);
            case 'f' -> one('\f', end);
            case 'v' -> one(0x0B, end);
            case 'x' -> hex(pattern, end, 2);
            case 'u' -> hex(pattern, end, 4);
            default -> {
                if (Character.isLetterOrDigit(c)) {
                    throw ConstraintException.unsupported("uses \\" + c + ", which is not supported");
                }
                int character = pattern.codePointAt(at);
                yield one(character, at + Character.charCount(character));
            }
        };
    }

    /** Whether it stands for one character only. */
    boolean single() {
        return ranges.size() == 1 && ranges.getFirst()[0] == ranges.getFirst()[1];
    }

    private static RegexEscape one(int character, int end) {
        return new RegexEscape(List.of(new int[] {character, character}), end);
    }

    private static RegexEscape hex(String pattern, int at, int digits) {
        int end = at + digits;
        if (end > pattern.length() || !pattern.substring(at, end).matches("[0-9a-fA-F]+")) {
            throw ConstraintException.invalid("has an escape without its " + digits + " hexadecimal digits");
        }
        int character = Integer.parseInt(pattern.substring(at, end), 16);
        if (Character.isSurrogate((char) character)) {
            throw ConstraintException.unsupported("uses half a surrogate pair; write the character itself");
        }
        return one(character, end);
    }
}
