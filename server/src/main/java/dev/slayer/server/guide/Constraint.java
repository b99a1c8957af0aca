package dev.slayer.server.guide;

import java.util.List;

/** What generated text must be, as a client says it. Equal constraints compile to the same {@link Guide}. */
public sealed interface Constraint {
    /** The text is exactly one of these. */
    record Choice(List<String> choices) implements Constraint {
        public Choice {
            choices = List.copyOf(choices);
        }
    }

    /** The whole text matches a regular expression, in the syntax of docs/structured.md. */
    record Regex(String pattern) implements Constraint {}

    /** The text is a JSON object, of any content. */
    record JsonObject() implements Constraint {}

    /**
     * The text is JSON that is valid under a schema.
     *
     * @param json the schema's text
     */
    record Schema(String json) implements Constraint {}
}
