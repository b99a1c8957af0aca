package dev.slayer.server.guide;

/** The beginning of something a client sent, short enough for a message. */
final class Shown {
    private static final int LENGTH = 80;

    private Shown() {}

    static String of(String text) {
        return text.length() <= LENGTH ? text : text.substring(0, LENGTH) + "...";
    }
}
