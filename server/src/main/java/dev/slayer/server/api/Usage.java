package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;

/**
 * The tokens of an answer.
 *
 * @param prompt read
 * @param completion generated
 * @param cached of those read, how many came from the prefix cache
 */
record Usage(long prompt, long completion, long cached) {
    /** Writes the {@code usage} field. */
    void write(JsonGenerator json) throws IOException {
        json.writeObjectFieldStart("usage");
        json.writeNumberField("prompt_tokens", prompt);
        json.writeNumberField("completion_tokens", completion);
        json.writeNumberField("total_tokens", prompt + completion);
        json.writeObjectFieldStart("prompt_tokens_details");
        json.writeNumberField("cached_tokens", cached);
        json.writeEndObject();
        json.writeEndObject();
    }
}
