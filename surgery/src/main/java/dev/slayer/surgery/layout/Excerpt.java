package dev.slayer.surgery.layout;

/** Text of a user, made fit for a message: short, on one line, with nothing that a terminal or a log would obey. */
final class Excerpt {
    private static final int LONGEST = 80;
    private static final int BEFORE = 48;

    private Excerpt() {}

    /** The beginning of a text. */
    static String of(String text) {
        return around(text, 0);
    }

    /** The part of a text around a place, cut at both sides where it is long. */
    static String around(String text, int at) {
        if (text.length() <= LONGEST) {
            return printable(text);
        }
        int from = Math.clamp(at - (long) BEFORE, 0, text.length() - LONGEST);
        int to = from + LONGEST;
        return (from > 0 ? "..." : "") + printable(text.substring(from, to)) + (to < text.length() ? "..." : "");
    }

    private static String printable(String text) {
        StringBuilder shown = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c >= ' ' && c <= '~') || c == '\u00d7' || c == '\u25c7') {
                shown.append(c);
            } else {
                shown.append(String.format("\\u%04x", (int) c));
            }
        }
        return shown.toString();
    }
}
