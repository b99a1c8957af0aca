package dev.slayer.server.engine;

/**
 * Which log-probabilities a request wants. They are the raw log-softmax in float32, before any sampling transform.
 *
 * @param top how many of the most probable tokens to name beside the actual one, 0 to the server's cap
 * @param generated score generated tokens
 * @param prompt score prompt tokens
 */
public record Scores(int top, boolean generated, boolean prompt) {
    /** None at all. */
    public static final Scores NONE = new Scores(0, false, false);
}
