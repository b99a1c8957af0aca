package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import java.io.UncheckedIOException;

/**
 * The OpenAI error object, the only shape in which this server reports a failure.
 *
 * @param status HTTP status
 * @param type what kind of failure, for clients that switch on it
 * @param code which failure
 * @param param the field at fault, or null
 * @param message a sentence
 */
record ErrorBody(int status, String type, String code, String param, String message) {
    static ErrorBody of(SlayerException failure) {
        return new ErrorBody(failure.status(), failure.type(), failure.code(), failure.param(), failure.getMessage());
    }

    /** {@code {"error":{...}}} in UTF-8. */
    byte[] json() {
        ObjectNode body = Json.MAPPER.createObjectNode();
        body.putObject("error")
                .put("message", message)
                .put("type", type)
                .put("param", param)
                .put("code", code);
        try {
            return Json.MAPPER.writeValueAsBytes(body);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException("an object of strings cannot fail to be written", e);
        }
    }
}
