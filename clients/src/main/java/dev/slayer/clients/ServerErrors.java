package dev.slayer.clients;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/** Turns the server's error bodies into exceptions; a body that is no error object is quoted. */
final class ServerErrors {
    private static final int QUOTED = 300;

    private ServerErrors() {}

    /** An answer whose status is no success. */
    static SlayerClientException of(HttpResponse<?> response, byte[] body) {
        int status = response.statusCode();
        JsonNode error = Json.lenientTree(body).path("error");
        Duration retryAfter = response.headers()
                .firstValue("Retry-After")
                .flatMap(ServerErrors::seconds)
                .orElse(null);
        if (!error.isObject()) {
            String text = new String(body, StandardCharsets.UTF_8).strip();
            String quote = text.length() > QUOTED ? text.substring(0, QUOTED) + "..." : text;
            return new SlayerClientException(
                    status,
                    "http_" + status,
                    null,
                    null,
                    retryAfter,
                    "The server answered with status " + status + (quote.isEmpty() ? "." : ": " + quote),
                    null);
        }
        return read(error, status, retryAfter);
    }

    /** An error that came inside a stream, after the status line had promised success. */
    static SlayerClientException inStream(JsonNode error) {
        int status = error.path("status").asInt(500);
        return read(error, status, null);
    }

    private static SlayerClientException read(JsonNode error, int status, Duration retryAfter) {
        return new SlayerClientException(
                status,
                text(error, "code").orElse("http_" + status),
                text(error, "type").orElse(null),
                text(error, "param").orElse(null),
                retryAfter,
                text(error, "message").orElse("The server gave no message."),
                null);
    }

    private static Optional<String> text(JsonNode error, String field) {
        JsonNode value = error.path(field);
        return value.isValueNode() && !value.isNull() ? Optional.of(value.asText()) : Optional.empty();
    }

    private static Optional<Duration> seconds(String header) {
        try {
            return Optional.of(Duration.ofSeconds(Long.parseLong(header.strip())));
        } catch (NumberFormatException aDate) {
            return Optional.empty();
        }
    }
}
