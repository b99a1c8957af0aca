package dev.slayer.server.api;

import dev.slayer.server.text.Vocabulary;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * How log-probabilities name tokens: as text where the bytes are whole characters, otherwise as {@code bytes:\xe2\x96}, so that
 * two parts of characters never look alike; or all as {@code token_id:N}.
 */
record TokenText(Vocabulary vocabulary, boolean asIds) {
    String of(int token) {
        if (asIds) {
            return "token_id:" + token;
        }
        byte[] bytes = bytes(token);
        if (bytes.length == 0) {
            return token < vocabulary.size() ? vocabulary.piece(token) : "";
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException partOfCharacter) {
            StringBuilder text = new StringBuilder("bytes:");
            for (byte b : bytes) {
                text.append("\\x%02x".formatted(b & 0xff));
            }
            return text.toString();
        }
    }

    /** Bytes of a token; none for a row of the embedding that the vocabulary does not fill. */
    byte[] bytes(int token) {
        return token < vocabulary.size() ? vocabulary.bytes(token) : new byte[0];
    }
}
