package dev.slayer.server.text;

/**
 * What each token id stands for, as bytes. Immutable and thread-safe; the engine detokenizes with it, without native calls.
 *
 * <p>Decoding a sequence is concatenating the bytes of its tokens and reading them as UTF-8, minus the space that tokenizers of
 * the SentencePiece kind put before the first word ({@link #dropsLeadingSpace()}).
 */
public interface Vocabulary {
    /**
     * Number of ids that the tokenizer knows. Models often have more, for padding; such an id is one without an entry: it can be
     * drawn, and says nothing.
     */
    int size();

    /**
     * UTF-8 bytes (or a part of a character) that a token contributes to text; empty for ids without an entry. Callers must not
     * change the array.
     *
     * @throws IndexOutOfBoundsException if the id is negative
     */
    byte[] bytes(int token);

    /** Whether a token is special (BOS, EOS, chat marks): left out of text unless asked for. */
    boolean special(int token);

    /** The entry as the vocabulary file spells it, {@code <0x0A>} or {@code ▁the}; empty for ids without an entry. */
    String piece(int token);

    /**
     * Whether an entry stands for one byte of a character that no other entry covers ({@code <0xE2>}). Hugging Face reads a run of
     * such tokens as a whole: if it is no UTF-8, every byte of the run becomes U+FFFD.
     */
    boolean fallbackByte(int token);

    /** Whether decoding drops one space at the very beginning of a text (Llama-2 style). */
    boolean dropsLeadingSpace();
}
