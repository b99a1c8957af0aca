package dev.slayer.clients;

import java.util.List;

/**
 * The tokens of a text.
 *
 * @param tokens ids
 * @param count how many
 * @param maxModelLen context length of the model in tokens; null if the server does not say
 */
public record Tokens(List<Integer> tokens, int count, Integer maxModelLen) {
    public Tokens {
        tokens = tokens == null ? List.of() : List.copyOf(tokens);
    }

    /** The ids as an array: [count]. */
    public int[] ids() {
        return tokens.stream().mapToInt(Integer::intValue).toArray();
    }
}
