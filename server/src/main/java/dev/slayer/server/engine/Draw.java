package dev.slayer.server.engine;

/**
 * A token to be drawn where the logits are, so that they need not leave the device.
 *
 * @param position whose next token is drawn
 * @param temperature 0 for the most probable token
 * @param uniform from 0 to 1, 1 excluded: the token whose share of the probability, counted from token 0 on, holds it
 * @param top how many of the most probable tokens its score names; -1 for no score
 */
public record Draw(int position, float temperature, float uniform, int top) {
    /** Whether its log-probability is wanted. */
    public boolean scored() {
        return top >= 0;
    }
}
