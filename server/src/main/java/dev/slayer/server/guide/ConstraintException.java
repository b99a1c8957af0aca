package dev.slayer.server.guide;

/** A constraint that cannot be compiled; the message is a sentence for the client. */
final class ConstraintException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean unsupported;

    private ConstraintException(boolean unsupported, String message, Throwable cause) {
        super(message, cause);
        this.unsupported = unsupported;
    }

    static ConstraintException invalid(String message) {
        return new ConstraintException(false, message, null);
    }

    static ConstraintException invalid(String message, Throwable cause) {
        return new ConstraintException(false, message, cause);
    }

    /** Something that has a meaning, but not here. */
    static ConstraintException unsupported(String message) {
        return new ConstraintException(true, message, null);
    }

    boolean isUnsupported() {
        return unsupported;
    }
}
