package dev.slayer.clients;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * One turn of a conversation.
 *
 * @param role {@code system}, {@code user} or {@code assistant}; in a delta only on the first one, otherwise null
 * @param content the text; null where a delta carries none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ChatMessage(String role, String content) {
    /** What the user says. */
    public static ChatMessage user(String content) {
        return new ChatMessage("user", content);
    }

    /** What the model is told beforehand. */
    public static ChatMessage system(String content) {
        return new ChatMessage("system", content);
    }

    /** What the model said. */
    public static ChatMessage assistant(String content) {
        return new ChatMessage("assistant", content);
    }
}
