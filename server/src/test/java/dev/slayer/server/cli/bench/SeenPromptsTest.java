package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class SeenPromptsTest {
    @Test
    void tokensBehindTheLongestSharedBeginningAreNew() {
        SeenPrompts seen = new SeenPrompts();
        assertThat(seen.add(new int[] {1, 2, 3})).isEqualTo(3);
        assertThat(seen.add(new int[] {1, 2, 4, 5})).isEqualTo(2);
        assertThat(seen.add(new int[] {1, 2, 3})).isZero();
        assertThat(seen.add(new int[] {1, 2})).isZero();
        assertThat(seen.add(new int[] {1, 2, 4, 6})).isEqualTo(1);
        assertThat(seen.add(new int[] {2, 2, 3})).isEqualTo(3);
    }

    @Test
    void togetherTheyAreAsManyAsThereAreDifferentBeginnings() {
        SplittableRandom random = new SplittableRandom(7);
        SeenPrompts seen = new SeenPrompts();
        Set<List<Integer>> beginnings = new HashSet<>();
        for (int i = 0; i < 2000; i++) {
            int[] prompt = random.ints(random.nextInt(1, 9), 0, 4).toArray();
            List<Integer> tokens = Arrays.stream(prompt).boxed().collect(Collectors.toList());
            int before = beginnings.size();
            for (int length = 1; length <= tokens.size(); length++) {
                beginnings.add(List.copyOf(tokens.subList(0, length)));
            }
            assertThat(seen.add(prompt)).as(tokens.toString()).isEqualTo(beginnings.size() - before);
        }
    }
}
