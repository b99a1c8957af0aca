package dev.slayer.server.api;

/** The beginning of something a client sent, short enough for a message. */
final class Excerpt {
    private static final int LENGTH = 80;

    private Excerpt() {}

    static String of(String text) {
        String shown = text.length() <= LENGTH ? text : text.substring(0, LENGTH) + "...";
        return shown.codePoints()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
