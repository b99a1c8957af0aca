package dev.slayer.training.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Strict UTF-8. */
final class Utf8 {
    static final String FAULT = "is not UTF-8";

    private Utf8() {}

    /** The text, or null if the bytes are not UTF-8. */
    static String text(ByteBuffer bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** A row of which the field {@code text} is all. */
    static JsonNode row(String text) {
        return JsonNodeFactory.instance.objectNode().put("text", text);
    }
}
