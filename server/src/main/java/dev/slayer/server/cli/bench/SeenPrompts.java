package dev.slayer.server.cli.bench;

import java.util.Arrays;
import java.util.TreeSet;

/**
 * Prompts that a server has been sent. Counts, for a cache that forgets nothing, which tokens are new: those behind the longest
 * beginning that an earlier prompt has, too. That one is next to the prompt in lexicographic order.
 */
final class SeenPrompts {
    private final TreeSet<int[]> prompts = new TreeSet<>(Arrays::compare);

    /** Adds a prompt; how many of its tokens are new. */
    int add(int[] prompt) {
        int shared = Math.max(shared(prompt, prompts.floor(prompt)), shared(prompt, prompts.ceiling(prompt)));
        prompts.add(prompt.clone());
        return prompt.length - shared;
    }

    private static int shared(int[] prompt, int[] other) {
        if (other == null) {
            return 0;
        }
        int difference = Arrays.mismatch(prompt, other);
        return difference < 0 ? prompt.length : difference;
    }
}
