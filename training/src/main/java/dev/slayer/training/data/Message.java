package dev.slayer.training.data;

/**
 * One turn of a conversation.
 *
 * @param role {@code system}, {@code user} or {@code assistant}
 * @param content its text
 * @param learned whether the model learns to write it: an assistant's turns, unless the row gives them the weight 0
 */
public record Message(String role, String content, boolean learned) {
    static Message system(String content) {
        return new Message("system", content, false);
    }

    static Message user(String content) {
        return new Message("user", content, false);
    }

    static Message assistant(String content) {
        return new Message("assistant", content, true);
    }
}
