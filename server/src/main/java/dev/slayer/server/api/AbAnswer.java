package dev.slayer.server.api;

import dev.slayer.server.engine.SequenceEvent.Finished;
import dev.slayer.server.engine.SequenceEvent.Generated;
import java.util.Arrays;
import java.util.List;

/** What one variant makes of a prompt, and how likely its tokens are under every variant. Lives on one event loop. */
final class AbAnswer {
    private final int prompt;
    private final AbVariant variant;
    private final StringBuilder text = new StringBuilder();
    private final boolean[] asked;
    private final float[][] logprobs;
    private int[] tokens = new int[16];
    private float[] own = new float[16];
    private int size;
    private Finished end;
    private boolean reported;

    /** @param variants how many there are */
    AbAnswer(int prompt, AbVariant variant, int variants) {
        this.prompt = prompt;
        this.variant = variant;
        this.asked = new boolean[variants];
        this.logprobs = new float[variants][];
    }

    /** Index of the prompt. */
    int prompt() {
        return prompt;
    }

    AbVariant variant() {
        return variant;
    }

    void add(Generated token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * size);
            own = Arrays.copyOf(own, 2 * size);
        }
        token.score().ifPresent(LogProbability::check);
        own[size] = token.score().orElseThrow().logprob();
        tokens[size++] = token.token();
        text.append(token.text());
    }

    /** The answer is complete. A variant knows its own log-probabilities; the reference's come with its distributions. */
    void finish(Finished finished) {
        end = finished;
        text.append(finished.text());
        if (!variant.isReference()) {
            asked[variant.index()] = true;
            scored(variant, Arrays.copyOf(own, size));
        }
    }

    boolean ended() {
        return end != null;
    }

    Finished end() {
        return end;
    }

    CharSequence text() {
        return text;
    }

    int[] tokens() {
        return Arrays.copyOf(tokens, size);
    }

    /** Whether the caller shall score it under a variant: says so once. */
    boolean ask(AbVariant under) {
        boolean first = !asked[under.index()];
        asked[under.index()] = true;
        return first;
    }

    /** How likely each token is under a variant: [tokens]. */
    void scored(AbVariant under, float[] values) {
        logprobs[under.index()] = values;
    }

    /** How likely each token is under a variant: [tokens]; null before it is known. */
    float[] logprobs(AbVariant under) {
        return logprobs[under.index()];
    }

    /** Whether there is nothing left to find out. */
    boolean complete(List<AbVariant> under) {
        return end != null && under.stream().allMatch(other -> logprobs(other) != null);
    }

    /** Whether the caller shall report it: says so once. */
    boolean report() {
        boolean first = !reported;
        reported = true;
        return first;
    }
}
