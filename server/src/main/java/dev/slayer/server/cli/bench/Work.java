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
    static List<Work> random(BenchSettings settings, int requests, int[] ids, long seed) {
        RandomGenerator random = new SplittableRandom(seed);
        List<Work> work = new ArrayList<>();
        for (int i = 0; i < requests; i++) {
            int[] prompt = random.ints(settings.promptTokens().draw(random), 0, ids.length)
                    .map(at -> ids[at])
                    .toArray();
            work.add(new Work(prompt, settings.outputTokens().draw(random)));
        }
        return work;
    }
}
