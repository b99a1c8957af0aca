package dev.slayer.server.guide;

import dev.slayer.surgery.SlayerException;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** How far the text of one sequence has come under its guide. One thread at a time. */
public final class GuideState {
    private final Guide guide;
    private Guide.State state;
    /** Whether decoding still drops a space if it comes next. */
    private boolean dropsSpace;

    private long[] mask;

    GuideState(Guide guide, Guide.State start, boolean dropsSpace) {
        this.guide = guide;
        this.state = start;
        this.dropsSpace = dropsSpace;
    }

    /** Whether the text is complete as it is; it may be possible to go on. */
    public boolean mayEnd() {
        return state.complete();
    }

    /** Whether the text is complete and no token can go on with it. */
    public boolean exhausted() {
        if (!state.complete()) {
            return false;
        }
        for (long word : mask()) {
            if (word != 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether a token keeps the text a prefix of something valid; never true for special tokens. */
    public boolean allows(int token) {
        long[] bits = mask();
        return token >= 0 && token >> 6 < bits.length && (bits[token >> 6] & (1L << token)) != 0;
    }

    /**
     * Leaves only the logits of tokens that may come next.
     *
     * @param logits [vocabulary]; those of other tokens become negative infinity
     * @param ends tokens that end the text: they stay where the text is complete
     * @throws SlayerException 400 if no token is left
     */
    public void restrict(float[] logits, int vocabulary, Set<Integer> ends) {
        Map<Integer, Float> kept = new HashMap<>();
        if (state.complete()) {
            ends.stream().filter(end -> end < vocabulary).forEach(end -> kept.put(end, logits[end]));
        }
        long[] bits = mask();
        for (int token = 0; token < vocabulary; token++) {
            if (token >> 6 >= bits.length || (bits[token >> 6] & (1L << token)) == 0) {
                logits[token] = Float.NEGATIVE_INFINITY;
            }
        }
        kept.forEach((end, logit) -> logits[end] = logit);
        boolean any = false;
        for (int token = 0; token < vocabulary && !any; token++) {
            any = logits[token] > Float.NEGATIVE_INFINITY;
        }
        if (!any) {
            throw new SlayerException(
                    400,
                    "constraint_dead_end",
                    null,
                    "No token of this model's vocabulary can go on with the constrained output; the constraint asks for text that"
                            + " the vocabulary cannot spell.",
                    null);
        }
    }

    /** The next token of the text, one that is allowed. */
    public void advance(int token) {
        byte[] bytes = guide.trie().bytes(token);
        if (bytes.length == 0) {
            return;
        }
        int from = dropsSpace && bytes[0] == ' ' ? 1 : 0;
        dropsSpace = false;
        state = guide.advance(state, bytes, from);
        mask = null;
        if (state.dead()) {
            throw SlayerException.internal("Token " + token + " does not fit the constraint on the output.", null);
        }
    }

    private long[] mask() {
        if (mask == null) {
            mask = guide.mask(state, dropsSpace);
        }
        return mask;
    }
}
