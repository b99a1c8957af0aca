package dev.slayer.server.api;

/**
 * A part of an array of tokens, which it shares: many sequences of a request have tokens in common.
 *
 * @param tokens never changed
 * @param from first of the part
 * @param to behind its last
 */
record TokenSpan(int[] tokens, int from, int to) {
    TokenSpan {
        if (from < 0 || from > to || to > tokens.length) {
            throw new IllegalArgumentException("no span " + from + " to " + to + " of " + tokens.length + " tokens");
        }
    }

    static TokenSpan of(int... tokens) {
        return new TokenSpan(tokens, 0, tokens.length);
    }

    int length() {
        return to - from;
    }

    /** A part of this part. */
    TokenSpan part(int begin, int end) {
        return new TokenSpan(tokens, from + begin, from + end);
    }

    /** What is left of it if so many tokens may stay; the end is kept. */
    TokenSpan last(int most) {
        return part(Math.max(0, length() - most), length());
    }

    void copyTo(int[] target, int at) {
        System.arraycopy(tokens, from, target, at, length());
    }
}
