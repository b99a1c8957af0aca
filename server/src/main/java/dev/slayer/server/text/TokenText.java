package dev.slayer.server.text;

import java.nio.charset.StandardCharsets;

/**
 * How a single token is shown in a list of log-probabilities.
 *
 * @param text its text if it is whole UTF-8, otherwise {@code bytes:\xE2\x98}
 * @param bytes its bytes; callers must not change the array
 */
public record TokenText(String text, byte[] bytes) {
    /**
     * Shows a token.
     *
     * @throws IndexOutOfBoundsException if the token is outside the vocabulary
     */
    public static TokenText of(Vocabulary vocabulary, int token) {
        byte[] bytes = vocabulary.bytes(token);
        return new TokenText(whole(bytes) ? new String(bytes, StandardCharsets.UTF_8) : spelled(bytes), bytes);
    }

    private static boolean whole(byte[] bytes) {
        Utf8 utf8 = new Utf8();
        for (byte b : bytes) {
            if (utf8.take(b & 0xFF) == Utf8.INVALID) {
                return false;
            }
        }
        return !utf8.inside();
    }

    private static String spelled(byte[] bytes) {
        StringBuilder text = new StringBuilder("bytes:");
        for (byte b : bytes) {
            text.append("\\x").append("0123456789ABCDEF".charAt(b >> 4 & 15)).append("0123456789ABCDEF".charAt(b & 15));
        }
        return text.toString();
    }
}
