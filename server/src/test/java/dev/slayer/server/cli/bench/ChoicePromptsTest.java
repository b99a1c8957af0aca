package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ChoicePromptsTest {
    private static final int[] IDS = IntStream.range(1000, 9000).toArray();

    @Test
    void theChoicesOfAnItemShareShotsAndQuestionAndTheItemsOfASubjectItsShots() {
        List<int[]> prompts = new ChoicePrompts(choices("30", "8", "2"), IDS, 1).items(12);
        assertThat(prompts).hasSize(48).allMatch(prompt -> prompt.length == 40);
        assertThat(sizes(prompts, 30)).as("subjects of 5, 5 and 2 items").containsExactlyInAnyOrder(20L, 20L, 8L);
        assertThat(sizes(prompts, 38)).as("items").hasSize(12).containsOnly(4L);
        assertThat(sizes(prompts, 40)).as("choices").hasSize(48);
    }

    @Test
    void theLongestAreSentFirstAndEquallyLongOnesByTheirTokens() {
        List<int[]> prompts = new ChoicePrompts(choices("5-9", "3-4", "1-2"), IDS, 1).items(30);
        assertThat(prompts)
                .isSortedAccordingTo((one, other) ->
                        one.length == other.length ? Arrays.compare(one, other) : other.length - one.length);
        assertThat(prompts.getFirst().length).isGreaterThan(prompts.getLast().length);
    }

    @Test
    void equalSeedsGiveEqualPromptsAndOtherSeedsOtherSubjects() {
        Workload.Choices workload = choices("30", "8", "2");
        List<int[]> prompts = new ChoicePrompts(workload, IDS, 1).items(5);
        assertThat(prompts).containsExactlyElementsOf(new ChoicePrompts(workload, IDS, 1).items(5));
        List<int[]> others = new ChoicePrompts(workload, IDS, 2).items(5);
        assertThat(Arrays.mismatch(prompts.getFirst(), others.getFirst())).isZero();
    }

    @Test
    void unrelatedPromptsHaveExactlySoManyTokensAndTheSameLengths() {
        List<int[]> prompts = new ChoicePrompts(choices("30", "8", "2"), IDS, 1).unrelated(1003);
        assertThat(prompts.stream().mapToInt(prompt -> prompt.length).sum()).isEqualTo(1003);
        assertThat(prompts).hasSize(26);
        assertThat(prompts.subList(0, 25)).allMatch(prompt -> prompt.length == 40);
        assertThat(sizes(prompts, 3)).as("nothing in common").hasSize(26);
    }

    /** How many prompts there are with each beginning of that length. */
    private static List<Long> sizes(List<int[]> prompts, int length) {
        Map<List<Integer>, Long> groups = prompts.stream()
                .map(prompt -> Arrays.stream(prompt).limit(length).boxed().toList())
                .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()));
        return List.copyOf(groups.values());
    }

    private static Workload.Choices choices(String shots, String question, String choice) {
        return new Workload.Choices(12, 5, lengths(shots), lengths(question), lengths(choice), 1, 1, false);
    }

    private static Lengths lengths(String text) {
        return Lengths.type().parse(text, Path.of(""));
    }
}
