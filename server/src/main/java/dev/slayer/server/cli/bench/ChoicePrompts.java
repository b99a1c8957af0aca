package dev.slayer.server.cli.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** Makes prompts of multiple-choice items from random tokens; equal seeds give equal prompts. */
final class ChoicePrompts {
    /** As lm-evaluation-harness orders its requests: the longest first, equally long ones by their tokens. */
    private static final Comparator<int[]> AS_SENT =
            Comparator.<int[]>comparingInt(prompt -> -prompt.length).thenComparing(Arrays::compare);

    private final Workload.Choices workload;
    private final int[] ids;
    private final RandomGenerator random;

    /** @param ids tokens that prompts are made of */
    ChoicePrompts(Workload.Choices workload, int[] ids, long seed) {
        this.workload = workload;
        this.ids = ids;
        this.random = new SplittableRandom(seed);
    }

    /** Prompts of so many items, four for each, of subjects that have not been there before, in the order of sending. */
    List<int[]> items(int items) {
        List<int[]> prompts = new ArrayList<>();
        int[] shots = {};
        for (int item = 0; item < items; item++) {
            if (item % workload.subjectItems() == 0) {
                shots = tokens(workload.shotTokens().draw(random));
            }
            int[] question = joined(shots, tokens(workload.questionTokens().draw(random)));
            for (int choice = 0; choice < Workload.Choices.PER_ITEM; choice++) {
                prompts.add(joined(question, tokens(workload.choiceTokens().draw(random))));
            }
        }
        prompts.sort(AS_SENT);
        return prompts;
    }

    /** Unrelated prompts as long as those of items, which have so many tokens together; the last one is cut to fit. */
    List<int[]> unrelated(long tokens) {
        List<int[]> prompts = new ArrayList<>();
        long missing = tokens;
        while (missing > 0) {
            int length = workload.shotTokens().draw(random)
                    + workload.questionTokens().draw(random)
                    + workload.choiceTokens().draw(random);
            prompts.add(tokens((int) Math.min(length, missing)));
            missing -= prompts.getLast().length;
        }
        prompts.sort(AS_SENT);
        return prompts;
    }

    private int[] tokens(int count) {
        return random.ints(count, 0, ids.length).map(at -> ids[at]).toArray();
    }

    private static int[] joined(int[] first, int[] second) {
        int[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }
}
