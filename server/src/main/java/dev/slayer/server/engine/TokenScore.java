package dev.slayer.server.engine;

import java.util.Arrays;

/**
 * A token with its raw log-probability.
 *
 * @param token the actual token
 * @param logprob its log-probability
 * @param rank 1 for the most probable token
 * @param topTokens the most probable tokens, best first: [top]; the actual token occurs in it only if it is among them
 * @param topLogprobs their log-probabilities: [top]; the actual token's entry is the identical float
 */
public record TokenScore(int token, float logprob, int rank, int[] topTokens, float[] topLogprobs) {
    /** The same, naming fewer tokens. */
    TokenScore naming(int top) {
        return topTokens.length <= top
                ? this
                : new TokenScore(token, logprob, rank, Arrays.copyOf(topTokens, top), Arrays.copyOf(topLogprobs, top));
    }
}
