package dev.slayer.clients;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What {@code POST /v1/chat/completions} takes. Immutable: each method returns a changed copy.
 *
 * @param model a model's name, also with an edit: {@code slayer-tiny@remove=3}
 * @param messages the conversation so far
 * @param parameters everything else, by the API's own field names
 */
public record ChatRequest(
        String model,
        List<ChatMessage> messages,
        @JsonAnyGetter Map<String, Object> parameters) {
    public ChatRequest {
        Objects.requireNonNull(model);
        messages = List.copyOf(messages);
        parameters = Map.copyOf(parameters);
    }

    /** Answers a conversation. */
    public static ChatRequest of(String model, ChatMessage... messages) {
        return new ChatRequest(model, List.of(messages), Map.of());
    }

    /** Sets any field of the API. */
    public ChatRequest with(String field, Object value) {
        return new ChatRequest(model, messages, Parameters.with(parameters, field, value));
    }

    /** Most tokens to generate. */
    public ChatRequest maxTokens(int count) {
        return with("max_tokens", count);
    }

    /** 0 (always the most probable token) to 2. */
    public ChatRequest temperature(double value) {
        return with("temperature", value);
    }

    /** Makes the draw repeatable. */
    public ChatRequest seed(long value) {
        return with("seed", value);
    }

    /** Texts that end the answer. */
    public ChatRequest stop(String... texts) {
        return with("stop", List.of(texts));
    }
}
