package dev.slayer.server.engine;

import java.util.Objects;
import java.util.OptionalInt;

/**
 * Which log-probabilities a request wants. They are the raw log-softmax in float32, before any sampling transform.
 *
 * @param top how many of the most probable tokens to name beside the actual one, 0 to the server's cap
 * @param generated score generated tokens
 * @param prompt score prompt tokens
 * @param distributionsFrom hand over the whole distribution after each prompt position from here on whose next token is of the
 *     prompt too; empty for none
 */
public record Scores(int top, boolean generated, boolean prompt, OptionalInt distributionsFrom) {
    /** None at all. */
    public static final Scores NONE = new Scores(0, false, false);

    public Scores {
        Objects.requireNonNull(distributionsFrom);
    }

    /** Log-probabilities of tokens alone. */
    public Scores(int top, boolean generated, boolean prompt) {
        this(top, generated, prompt, OptionalInt.empty());
    }

    /** The distributions that predict the prompt's tokens from position + 1 on, and nothing else. */
    public static Scores distributions(int position) {
        return new Scores(0, false, false, OptionalInt.of(position));
    }
}
