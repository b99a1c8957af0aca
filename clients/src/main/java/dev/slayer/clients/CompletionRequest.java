package dev.slayer.clients;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * What {@code POST /v1/completions} takes. Immutable: each method returns a changed copy.
 *
 * @param model a model's name, also with an edit: {@code slayer-tiny@remove=3}
 * @param prompt the text (String) or the token ids (List of Integer)
 * @param parameters everything else, by the API's own field names
 */
public record CompletionRequest(
        String model, Object prompt, @JsonAnyGetter Map<String, Object> parameters) {
    public CompletionRequest {
        Objects.requireNonNull(model);
        Objects.requireNonNull(prompt);
        parameters = Map.copyOf(parameters);
    }

    /** Completes a text. */
    public static CompletionRequest of(String model, String prompt) {
        return new CompletionRequest(model, prompt, Map.of());
    }

    /** Completes tokens, taken as they are. */
    public static CompletionRequest of(String model, int[] prompt) {
        List<Integer> tokens = IntStream.of(prompt).boxed().toList();
        return new CompletionRequest(model, tokens, Map.of());
    }

    /** Sets any field of the API. */
    public CompletionRequest with(String field, Object value) {
        return new CompletionRequest(model, prompt, Parameters.with(parameters, field, value));
    }

    /** Most tokens to generate. */
    public CompletionRequest maxTokens(int count) {
        return with("max_tokens", count);
    }

    /** 0 (always the most probable token) to 2. */
    public CompletionRequest temperature(double value) {
        return with("temperature", value);
    }

    /** Makes the draw repeatable. */
    public CompletionRequest seed(long value) {
        return with("seed", value);
    }

    /** Texts that end the answer. */
    public CompletionRequest stop(String... texts) {
        return with("stop", List.of(texts));
    }

    /** Goes on after the end-of-sequence token, so that exactly {@code max_tokens} tokens come. */
    public CompletionRequest ignoreEos() {
        return with("ignore_eos", true);
    }

    /** Asks for the log-probabilities of the actual token and of the most probable ones. */
    public CompletionRequest logprobs(int top) {
        return with("logprobs", top);
    }

    /** Asks for the generated token ids. */
    public CompletionRequest returnTokenIds() {
        return with("return_token_ids", true);
    }
}
