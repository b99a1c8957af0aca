package dev.slayer.training.data;

/** A row that makes no document, with the reason. It never leaves this package. */
final class BadRow extends Exception {
    private static final long serialVersionUID = 1L;

    BadRow(String reason) {
        super(reason, null, false, false);
    }
}
