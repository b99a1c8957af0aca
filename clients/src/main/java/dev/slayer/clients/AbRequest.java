package dev.slayer.clients;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import java.util.List;
import java.util.Map;

/**
 * What {@code POST /v1/ab} takes: models to compare and prompts to compare them on. Immutable: each method returns a changed copy.
 *
 * @param variants names of models, also with edits: {@code base}, {@code base@remove=3}; at least two, the first is the reference
 * @param prompts texts to go on with
 * @param parameters everything else, by the API's own field names
 */
public record AbRequest(
        List<String> variants,
        List<String> prompts,
        @JsonAnyGetter Map<String, Object> parameters) {
    public AbRequest {
        variants = List.copyOf(variants);
        prompts = List.copyOf(prompts);
        parameters = Map.copyOf(parameters);
    }

    /** Compares models on one prompt. */
    public static AbRequest of(String prompt, String... variants) {
        return new AbRequest(List.of(variants), List.of(prompt), Map.of());
    }

    /** Sets any field of the API. */
    public AbRequest with(String field, Object value) {
        return new AbRequest(variants, prompts, Parameters.with(parameters, field, value));
    }

    /** Most tokens of an answer. */
    public AbRequest maxTokens(int count) {
        return with("max_tokens", count);
    }

    /** 0 (always the most probable token) to 2. */
    public AbRequest temperature(double value) {
        return with("temperature", value);
    }

    /** Makes the draw repeatable, and the same for all variants. */
    public AbRequest seed(long value) {
        return with("seed", value);
    }
}
