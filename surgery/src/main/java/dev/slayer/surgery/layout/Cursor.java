package dev.slayer.surgery.layout;

import dev.slayer.surgery.SlayerException;
import java.math.BigDecimal;

/** A place in the value of a parameter, moved from left to right; knows how to complain about where it is. */
final class Cursor {
    private static final int END = -1;

    /** More digits than any allowed number has. */
    private static final int MAX_DIGITS = 40;

    private final String param;
    private final String text;
    private int at;

    /**
     * @param param what the text is the value of
     * @throws SlayerException 400 if the text is empty or longer than {@link Layout#MAX_TEXT}
     */
    Cursor(String param, String text) {
        this.param = param;
        this.text = text;
        if (text.length() > Layout.MAX_TEXT) {
            throw refuse(0, "the text has " + text.length() + " characters, but may have at most " + Layout.MAX_TEXT);
        }
        spaces();
        if (atEnd()) {
            throw SlayerException.badRequest(param, param + "= is empty; leave it out or give it a value");
        }
    }

    int at() {
        return at;
    }

    boolean atEnd() {
        return at == text.length();
    }

    boolean sees(char c) {
        return peek() == c;
    }

    boolean seesDigit() {
        return isDigit(peek());
    }

    boolean seesLetter() {
        return isLetter(peek());
    }

    boolean take(char c) {
        if (peek() != c) {
            return false;
        }
        at++;
        return true;
    }

    void spaces() {
        while (peek() == ' ') {
            at++;
        }
    }

    /** Requires a character, spaces around it allowed. */
    void expect(char c, String where) {
        spaces();
        if (!take(c)) {
            throw unexpected("'" + c + "' " + where);
        }
        spaces();
    }

    /** Requires the end of a parenthesis; what follows it counts again, spaces too. */
    void close(String where) {
        spaces();
        if (!take(')')) {
            throw unexpected("')' at the end of " + where);
        }
    }

    /**
     * Goes from behind an item of a list to the next: a comma, a plus or spaces lie between.
     *
     * @return false at the end
     */
    boolean nextItem(String item) {
        int before = at;
        spaces();
        boolean separated = at > before;
        if (atEnd()) {
            return false;
        }
        if (take(',') || take('+')) {
            separated = true;
            spaces();
        }
        if (!separated) {
            throw unexpected("',' or the end after " + item);
        }
        if (atEnd() || sees(',') || sees('+')) {
            throw refuse(at, "an item of the list is empty; expected " + item);
        }
        return true;
    }

    /** Digits; what does not fit an int is the largest int, which is in no range. */
    int number(String what) {
        if (!seesDigit()) {
            throw unexpected(what);
        }
        long value = 0;
        while (seesDigit()) {
            value = Math.min(value * 10 + (text.charAt(at++) - '0'), Integer.MAX_VALUE);
        }
        return (int) value;
    }

    /** Digits of a long. */
    long longNumber(String what) {
        int from = at;
        String digits = digits(what);
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException e) {
            throw refuse(from, what + " must be a whole number from 0 to " + Long.MAX_VALUE, e);
        }
    }

    /** A decimal such as 0.5 or -2, not yet held against a range. */
    BigDecimal decimal(String what) {
        int from = at;
        boolean negative = take('-');
        digits(what);
        if (take('.')) {
            digits("a digit after the point");
        }
        return new BigDecimal(text.substring(negative ? from + 1 : from, at))
                .multiply(negative ? BigDecimal.ONE.negate() : BigDecimal.ONE);
    }

    private String digits(String what) {
        int from = at;
        while (seesDigit()) {
            at++;
        }
        if (at == from) {
            throw unexpected(what);
        }
        if (at - from > MAX_DIGITS) {
            throw refuse(from, "the number has " + (at - from) + " digits, but may have at most " + MAX_DIGITS);
        }
        return text.substring(from, at);
    }

    /** A letter, then letters, digits and {@code . _ - /}. */
    String name() {
        int from = at;
        while (isLetter(peek()) || (at > from && (isDigit(peek()) || isNamePunctuation(peek())))) {
            at++;
        }
        return text.substring(from, at);
    }

    /** Lower-case letters. */
    String word() {
        int from = at;
        while (peek() >= 'a' && peek() <= 'z') {
            at++;
        }
        return text.substring(from, at);
    }

    /** Goes back. */
    void back(int to) {
        at = to;
    }

    /** A layer of a checkpoint that has so many. */
    int layer(int layers, String checkpoint) {
        int from = at;
        int layer = number("a layer number");
        if (layer >= layers) {
            throw refuse(
                    from,
                    "layer " + text.substring(from, Math.min(at, from + 20)) + (at > from + 20 ? "..." : "")
                            + " does not exist, " + checkpoint + " has "
                            + (layers == 1 ? "only 0" : "0-" + (layers - 1)));
        }
        return layer;
    }

    /** Layers from one to another, both included. */
    record Range(int from, int to) {
        int size() {
            return to - from + 1;
        }
    }

    /** {@code 3} or {@code 3-7}. */
    Range range(int layers, String checkpoint) {
        int begin = at;
        int from = layer(layers, checkpoint);
        int dash = at;
        if (!take('-')) {
            return new Range(from, from);
        }
        if (!seesDigit()) {
            back(dash);
            return new Range(from, from);
        }
        int to = layer(layers, checkpoint);
        if (to < from) {
            throw refuse(
                    begin,
                    "the range " + from + "-" + to + " runs backwards; write its layers one by one, or " + to + "-"
                            + from);
        }
        return new Range(from, to);
    }

    SlayerException unexpected(String expected) {
        return refuse(at, "expected " + expected + (atEnd() ? ", but the text ends" : ""));
    }

    /** A 400 about a place of the text. */
    SlayerException refuse(int place, String why) {
        return refuse(place, why, null);
    }

    SlayerException refuse(int place, String why, Throwable cause) {
        return new SlayerException(
                400,
                "invalid_value",
                param,
                param + "=" + Excerpt.around(text, place) + ": " + why + " (character " + (place + 1) + ")",
                cause);
    }

    private int peek() {
        return at < text.length() ? text.charAt(at) : END;
    }

    private static boolean isDigit(int c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isLetter(int c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    private static boolean isNamePunctuation(int c) {
        return c == '.' || c == '_' || c == '-' || c == '/';
    }
}
