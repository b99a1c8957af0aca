package dev.slayer.clients;

import java.util.List;
import java.util.Map;

/**
 * The answer to a {@link CompletionRequest}, or one piece of it when streaming: then each choice holds the text that is new.
 *
 * @param id of the request
 * @param created in seconds since 1970
 * @param model that answered
 * @param choices one per prompt and sample; empty in the piece that carries usage
 * @param usage tokens; null in pieces that carry none
 */
public record Completion(String id, long created, String model, List<Choice> choices, Usage usage) {
    public Completion {
        choices = choices == null ? List.of() : List.copyOf(choices);
    }

    /** Text of the first choice; empty if there is none. */
    public String text() {
        return choices.isEmpty() ? "" : choices.getFirst().text();
    }

    /**
     * One text.
     *
     * @param index position: prompt * n + sample
     * @param text generated text
     * @param finishReason {@code stop} or {@code length}; null before the end
     * @param tokenIds generated tokens, if asked for with {@link CompletionRequest#returnTokenIds()}; otherwise null
     * @param logprobs if asked for; otherwise null
     */
    public record Choice(int index, String text, String finishReason, List<Integer> tokenIds, Logprobs logprobs) {
        public Choice {
            text = text == null ? "" : text;
        }
    }

    /**
     * Log-probabilities, one entry per token: [tokens].
     *
     * @param tokens as text
     * @param tokenLogprobs of the actual tokens; null at the first token of an echoed prompt
     * @param topLogprobs of the most probable tokens; null at the first token of an echoed prompt
     * @param textOffset where each token begins, in characters
     */
    public record Logprobs(
            List<String> tokens,
            List<Double> tokenLogprobs,
            List<Map<String, Double>> topLogprobs,
            List<Integer> textOffset) {}
}
