package dev.slayer.server.text;

/**
 * Where a reader of UTF-8 stands inside a character, one byte at a time. Which bytes may follow which is table 3-7 of the Unicode
 * standard, and a broken sequence ends before the first byte that does not fit: Rust's standard library, and so Hugging Face,
 * reads it like this too, while Java's decoder takes encoded surrogates as one error of three bytes.
 */
final class Utf8 {
    /** The byte is a part of a character that is not complete. */
    static final int PARTIAL = -1;
    /** The byte does not fit; the reader is back at the start of a character and has not taken the byte. */
    static final int INVALID = -2;

    private int left; // bytes that the character still needs
    private int value;
    private int low; // range of the next byte
    private int high;

    /** Whether a character has begun that is not complete. */
    boolean inside() {
        return left > 0;
    }

    /** Back to the start of a character. */
    void reset() {
        left = 0;
    }

    /** Takes a byte (0 to 255): the code point that it completes, {@link #PARTIAL} or {@link #INVALID}. */
    int take(int b) {
        if (left == 0) {
            return start(b);
        }
        if (b < low || b > high) {
            left = 0;
            return INVALID;
        }
        value = (value << 6) | (b & 0x3F);
        low = 0x80;
        high = 0xBF;
        left--;
        return left == 0 ? value : PARTIAL;
    }

    private int start(int b) {
        low = 0x80;
        high = 0xBF;
        if (b < 0x80) {
            return b;
        } else if (b >= 0xC2 && b <= 0xDF) {
            left = 1;
            value = b & 0x1F;
        } else if (b >= 0xE0 && b <= 0xEF) {
            left = 2;
            value = b & 0x0F;
            low = b == 0xE0 ? 0xA0 : 0x80;
            high = b == 0xED ? 0x9F : 0xBF;
        } else if (b >= 0xF0 && b <= 0xF4) {
            left = 3;
            value = b & 0x07;
            low = b == 0xF0 ? 0x90 : 0x80;
            high = b == 0xF4 ? 0x8F : 0xBF;
        } else {
            return INVALID;
        }
        return PARTIAL;
    }
}
