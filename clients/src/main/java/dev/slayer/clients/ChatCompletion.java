package dev.slayer.clients;

import java.util.List;

/**
 * The answer to a {@link ChatRequest}.
 *
 * @param id of the request
 * @param created in seconds since 1970
 * @param model that answered
 * @param choices one per sample
 * @param usage tokens
 */
public record ChatCompletion(String id, long created, String model, List<Choice> choices, Usage usage) {
    public ChatCompletion {
        choices = choices == null ? List.of() : List.copyOf(choices);
    }

    /** Text of the first choice; empty if there is none. */
    public String text() {
        String content = choices.isEmpty() ? null : choices.getFirst().message().content();
        return content == null ? "" : content;
    }

    /**
     * One answer.
     *
     * @param index of the sample
     * @param message what the model said
     * @param finishReason {@code stop} or {@code length}
     */
    public record Choice(int index, ChatMessage message, String finishReason) {
        public Choice {
            message = message == null ? new ChatMessage(null, null) : message;
        }
    }
}
