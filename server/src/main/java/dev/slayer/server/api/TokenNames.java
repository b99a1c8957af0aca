package dev.slayer.server.api;

import dev.slayer.server.text.TokenText;
import dev.slayer.server.text.Vocabulary;

/**
 * How log-probabilities name tokens: as text, with parts of characters spelled as bytes so that no two of them look alike; or all as
 * {@code token_id:N}, which never collides.
 */
record TokenNames(Vocabulary vocabulary, boolean asIds) {
    String of(int token) {
        return asIds ? "token_id:" + token : text(token);
    }

    /** The text of a token, whatever names are asked for; empty for a row of the model that the vocabulary does not fill. */
    String text(int token) {
        return token < vocabulary.size() ? TokenText.of(vocabulary, token).text() : "";
    }

    /** Bytes of a token; none for a row of the model that the vocabulary does not fill. */
    byte[] bytes(int token) {
        return token < vocabulary.size() ? vocabulary.bytes(token) : new byte[0];
    }
}
