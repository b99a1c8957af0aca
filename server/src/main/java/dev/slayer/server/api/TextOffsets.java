package dev.slayer.server.api;

import dev.slayer.server.text.Vocabulary;

/**
 * Where tokens begin in a text, in code points, as Python's strings count them. Follows a text token by token.
 *
 * <p>A code point counts for the token that holds its first byte. Special tokens that the text does not show count nothing, and
 * neither does the space that a Llama-2 style tokenizer puts before the first word.
 */
final class TextOffsets {
    private final TokenNames names;
    private final Vocabulary vocabulary;
    private boolean dropsSpace;
    private int offset;

    /** @param fromStart whether the text begins with the first token, rather than after an unseen prompt */
    TextOffsets(TokenNames names, boolean fromStart) {
        this.names = names;
        this.vocabulary = names.vocabulary();
        this.dropsSpace = fromStart && vocabulary.dropsLeadingSpace();
    }

    /** Where a token begins; moves on behind it. */
    int next(int token, boolean showsSpecial) {
        int start = offset;
        boolean special = token < vocabulary.size() && vocabulary.special(token);
        if (special && !showsSpecial) {
            return start;
        }
        byte[] bytes = names.bytes(token);
        for (byte b : bytes) {
            offset += (b & 0xC0) != 0x80 ? 1 : 0;
        }
        if (dropsSpace && !special) {
            offset -= bytes.length > 0 && bytes[0] == ' ' ? 1 : 0;
            dropsSpace = false;
        }
        return start;
    }
}
