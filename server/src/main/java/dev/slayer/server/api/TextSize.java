package dev.slayer.server.api;

import dev.slayer.server.text.Vocabulary;
import java.nio.charset.StandardCharsets;

/**
 * How long a text is, for scores per byte and per character.
 *
 * @param bytes in UTF-8
 * @param characters code points, as Python counts them
 */
record TextSize(long bytes, long characters) {
    static TextSize of(String text) {
        return new TextSize(text.getBytes(StandardCharsets.UTF_8).length, text.codePointCount(0, text.length()));
    }

    /** Of the text that tokens stand for, special ones included; a character counts for the token that holds its first byte. */
    static TextSize of(TokenSpan span, Vocabulary vocabulary) {
        TokenNames names = new TokenNames(vocabulary, false);
        long bytes = 0;
        long characters = 0;
        for (int i = span.from(); i < span.to(); i++) {
            for (byte b : names.bytes(span.tokens()[i])) {
                bytes++;
                characters += (b & 0xC0) != 0x80 ? 1 : 0;
            }
        }
        return new TextSize(bytes, characters);
    }
}
