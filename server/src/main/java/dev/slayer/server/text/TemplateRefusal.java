package dev.slayer.server.text;

/** Why a template cannot be rendered, in the template's words or ours. Never leaves this package. */
final class TemplateRefusal extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TemplateRefusal(String message) {
        super(message);
    }
}
