package dev.slayer.clients;

import java.time.Duration;
import java.util.Objects;
import java.util.Optional;

/**
 * A call that failed: the server answered with an error, or there was no usable answer at all.
 *
 * <p>An error of the server carries what its error object says. Without an answer, {@link #status()} is 0 and the code is one of
 * {@code connection_failed}, {@code timeout}, {@code interrupted}, {@code closed}, {@code invalid_response}.
 */
public final class SlayerClientException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final String type;
    private final String param;
    private final Duration retryAfter;

    /**
     * @param status HTTP status; 0 if there was no answer
     * @param code machine-readable error code
     * @param type OpenAI error type, or null
     * @param param field at fault, or null
     * @param retryAfter how long the server asks to wait, or null
     * @param message the server's sentence, or ours
     * @param cause what was caught, or null
     */
    SlayerClientException(
            int status, String code, String type, String param, Duration retryAfter, String message, Throwable cause) {
        super(message, cause);
        this.status = status;
        this.code = Objects.requireNonNull(code);
        this.type = type;
        this.param = param;
        this.retryAfter = retryAfter;
    }

    static SlayerClientException withoutAnswer(String code, String message, Throwable cause) {
        return new SlayerClientException(0, code, null, null, null, message, cause);
    }

    static SlayerClientException invalidResponse(String message, Throwable cause) {
        return withoutAnswer("invalid_response", message, cause);
    }

    /** HTTP status; 0 if there was no answer. */
    public int status() {
        return status;
    }

    /** Machine-readable error code, such as {@code model_not_found} or {@code connection_failed}. */
    public String code() {
        return code;
    }

    /** OpenAI error type, such as {@code invalid_request_error}. */
    public Optional<String> type() {
        return Optional.ofNullable(type);
    }

    /** The request field at fault, if the server named one. */
    public Optional<String> param() {
        return Optional.ofNullable(param);
    }

    /** How long the server asks to wait before the next try (status 429 and 503). */
    public Optional<Duration> retryAfter() {
        return Optional.ofNullable(retryAfter);
    }
}
