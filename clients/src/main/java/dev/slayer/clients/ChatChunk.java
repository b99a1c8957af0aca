package dev.slayer.clients;

import java.util.List;

/**
 * A piece of a streamed answer to a {@link ChatRequest}.
 *
 * @param id of the request
 * @param created in seconds since 1970
 * @param model that answers
 * @param choices what is new; empty in the piece that carries usage
 * @param usage tokens; null in pieces that carry none
 */
public record ChatChunk(String id, long created, String model, List<Choice> choices, Usage usage) {
    public ChatChunk {
        choices = choices == null ? List.of() : List.copyOf(choices);
    }

    /** New text of the first choice; often empty. */
    public String text() {
        String content = choices.isEmpty() ? null : choices.getFirst().delta().content();
        return content == null ? "" : content;
    }

    /**
     * What is new in one answer.
     *
     * @param index of the sample
     * @param delta new text; its role only in the first piece
     * @param finishReason {@code stop} or {@code length}; null before the end
     */
    public record Choice(int index, ChatMessage delta, String finishReason) {
        public Choice {
            delta = delta == null ? new ChatMessage(null, null) : delta;
        }
    }
}
