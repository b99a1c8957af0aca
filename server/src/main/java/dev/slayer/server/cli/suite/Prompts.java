package dev.slayer.server.cli.suite;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Random tokens of a vocabulary; no two prompts begin alike, unless that is what they are for. */
final class Prompts {
    private final Random random;
    private final int vocabulary;

    Prompts(int vocabulary, long seed) {
        this.vocabulary = vocabulary;
        this.random = new Random(seed);
    }

    int[] next(int length) {
        int[] tokens = new int[length];
        Arrays.setAll(tokens, _ -> random.nextInt(vocabulary));
        return tokens;
    }

    List<int[]> next(int count, int length) {
        List<int[]> prompts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            prompts.add(next(length));
        }
        return prompts;
    }

    /** Four prompts for each item, all with the same shots, the four of an item with the same question. */
    List<int[]> choices(Scale.Scoring scale, int items) {
        List<int[]> prompts = new ArrayList<>();
        int[] shots = next(scale.shots());
        for (int item = 0; item < items; item++) {
            int[] question = next(scale.question());
            for (int choice = 0; choice < 4; choice++) {
                prompts.add(joined(shots, question, next(scale.choice())));
            }
        }
        return prompts;
    }

    private static int[] joined(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }
}
