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

    private TextOffsets(TokenNames names, boolean dropsSpace) {
        this.names = names;
        this.vocabulary = names.vocabulary();
        this.dropsSpace = dropsSpace;
    }

    /** In a text that follows an unseen prompt. */
    static TextOffsets behindPrompt(TokenNames names) {
        return new TextOffsets(names, false);
    }

    /** In a text that begins with a prompt's. Not every tokenizer that drops a space has put one before this text: tokens tell. */
    static TextOffsets from(Prompt prompt, TokenNames names) {
        Vocabulary vocabulary = names.vocabulary();
        if (!vocabulary.dropsLeadingSpace()) {
            return behindPrompt(names);
        }
        long shown = 0;
        for (int i = prompt.addedBos() ? 1 : 0; i < prompt.tokens().length; i++) {
            int token = prompt.tokens()[i];
            boolean special = token < vocabulary.size() && vocabulary.special(token);
            shown += special && !prompt.showsSpecial() ? 0 : names.bytes(token).length;
        }
        return new TextOffsets(names, shown != TextSize.of(prompt.text()).bytes());
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
