package dev.slayer.surgery;

import java.util.Objects;

/**
 * The one road for failure: everything that goes wrong for a reason the user can know about is an instance of this.
 *
 * <p>It carries what a renderer needs, an HTTP status and the OpenAI error type, code and parameter, so that no layer in
 * between has to translate. The message is a sentence for the user: it names the offending thing, the allowed range and the
 * remedy.
 */
public class SlayerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int status;
    private final String code;
    private final String param;

    /**
     * @param status HTTP status, 400 to 599
     * @param code machine-readable OpenAI error code such as {@code context_length_exceeded}
     * @param param the request field, option or file at fault, or null where there is none
     * @param message a sentence for the user
     * @param cause what was caught, or null
     */
    public SlayerException(int status, String code, String param, String message, Throwable cause) {
        super(Objects.requireNonNull(message), cause);
        if (status < 400 || status > 599) {
            throw new IllegalArgumentException("status=" + status + " is no HTTP error status (400-599)");
        }
        this.status = status;
        this.code = Objects.requireNonNull(code);
        this.param = param;
    }

    /** HTTP status, 400 to 599. */
    public int status() {
        return status;
    }

    /** OpenAI error code. */
    public String code() {
        return code;
    }

    /** OpenAI error type, which follows from the status. */
    public String type() {
        return switch (status) {
            case 401 -> "authentication_error";
            case 403 -> "permission_error";
            case 404 -> "not_found_error";
            case 429 -> "rate_limit_error";
            default -> status < 500 ? "invalid_request_error" : "server_error";
        };
    }

    /** The field, option or file at fault, or null. */
    public String param() {
        return param;
    }

    /** A request field whose value cannot be used: status 400, code {@code invalid_value}. */
    public static SlayerException badRequest(String param, String message) {
        return new SlayerException(400, "invalid_value", param, message, null);
    }

    /** A defect or an exhausted resource of the server: status 500, code {@code internal_error}. */
    public static SlayerException internal(String message, Throwable cause) {
        return new SlayerException(500, "internal_error", null, message, cause);
    }
}
