package dev.slayer.server.engine;

import java.util.Optional;

/**
 * What a runner hands over of a chunk's rows.
 *
 * @param scoresFrom first position whose next token is to be scored
 * @param scoresTo one past the last such position; the tokens behind all of them are known
 * @param top how many of the most probable tokens a score names
 * @param logitsFrom positions from here on hand over their whole rows of logits
 * @param hiddenFrom positions from here on hand over their hidden states
 * @param draw a token to be drawn on the device; only of a runner that {@link Runner#draws}
 */
public record Outputs(int scoresFrom, int scoresTo, int top, int logitsFrom, int hiddenFrom, Optional<Draw> draw) {
    /** Nothing. */
    public static final Outputs NONE = new Outputs(0, 0, 0, Integer.MAX_VALUE);

    /** Without hidden states. */
    public Outputs(int scoresFrom, int scoresTo, int top, int logitsFrom) {
        this(scoresFrom, scoresTo, top, logitsFrom, Integer.MAX_VALUE, Optional.empty());
    }

    /** Rows of logits alone, from a position on. */
    public static Outputs logitsFrom(int from) {
        return new Outputs(0, 0, 0, from);
    }

    /** These, and hidden states from a position on. */
    public Outputs andHiddenFrom(int from) {
        return new Outputs(scoresFrom, scoresTo, top, logitsFrom, from, draw);
    }

    /** These, with a token drawn on the device instead of rows of logits. */
    public Outputs drawing(Draw wanted) {
        return new Outputs(scoresFrom, scoresTo, top, Integer.MAX_VALUE, hiddenFrom, Optional.of(wanted));
    }

    /** Whether the token after a position is to be scored. */
    public boolean scores(int position) {
        return position >= scoresFrom && position < scoresTo;
    }

    /** Whether a position's row of logits is handed over. */
    public boolean logits(int position) {
        return position >= logitsFrom;
    }

    /** Whether the token after a position is drawn on the device. */
    public boolean draws(int position) {
        return draw.isPresent() && draw.get().position() == position;
    }

    /** Whether a position's hidden state is handed over. */
    public boolean hidden(int position) {
        return position >= hiddenFrom;
    }

    /** Whether a position's logits are of any interest. */
    public boolean any(int position) {
        return scores(position) || logits(position);
    }
}
