package dev.slayer.server.cli.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/**
 * One request of a load.
 *
 * @param prompt token ids: [prompt]
 * @param outputTokens how many tokens to ask for
 */
record Work(int[] prompt, int outputTokens) {
    /**
     * Requests with random prompts, so that none shares a prefix with another; equal seeds give equal requests.
     *
     * @param ids tokens that prompts are made of
     */
    static List<Work> random(Lengths promptTokens, Lengths outputTokens, int requests, int[] ids, long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        List<Work> work = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            int[] prompt = random.ints(promptTokens.draw(random), 0, ids.length)
                    .map(at -> ids[at])
                    .toArray();
            work.add(new Work(prompt, outputTokens.draw(random)));
        }
        return work;
    }

    /** As much work with another prompt, so that one of the two finds nothing of the other in a cache. */
    Work reversed() {
        int[] backwards = new int[prompt.length];
        for (int i = 0; i < prompt.length; i++) {
            backwards[i] = prompt[prompt.length - 1 - i];
        }
        return new Work(backwards, outputTokens);
    }

    static List<Work> reversed(List<Work> work) {
        return work.stream().map(Work::reversed).toList();
    }
}
