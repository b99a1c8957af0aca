package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The sampler draws from exactly the set that its settings leave, with the right probabilities. */
class SamplerTest {
    private static final float[] LOGITS = {1.0f, 3.0f, 2.0f, 0.0f, 2.5f};
    private static final int DRAWS = 20_000;

    @Test
    void greedyTakesTheFirstOfTheLargest() {
        float[] logits = {0, 5, 5, 1};
        assertThat(new Sampler(Sampling.GREEDY, new int[] {1}).next(logits, 4, Set.of()))
                .isEqualTo(1);
    }

    @Test
    void plainSamplingFollowsTheSoftmax() {
        assertFrequencies(sampling(1, 1, 0, 0), softmax(LOGITS, 1, Set.of(0, 1, 2, 3, 4)));
    }

    @Test
    void temperatureSharpensTheSoftmax() {
        assertFrequencies(sampling(0.5, 1, 0, 0), softmax(LOGITS, 0.5, Set.of(0, 1, 2, 3, 4)));
    }

    @Test
    void topKKeepsTheKBest() {
        assertFrequencies(sampling(1, 1, 2, 0), softmax(LOGITS, 1, Set.of(1, 4)));
    }

    @Test
    void topPKeepsTheSmallestSetThatReachesIt() {
        // probabilities: 1 0.46, 4 0.28, 2 0.17, 0 0.06, 3 0.02
        assertFrequencies(sampling(1, 0.5, 0, 0), softmax(LOGITS, 1, Set.of(1, 4)));
        assertFrequencies(sampling(1, 0.8, 0, 0), softmax(LOGITS, 1, Set.of(1, 4, 2)));
        assertFrequencies(sampling(1, 0.1, 0, 0), softmax(LOGITS, 1, Set.of(1)));
    }

    @Test
    void minPKeepsWhatIsNotMuchLessProbableThanTheBest() {
        assertFrequencies(sampling(1, 1, 0, 0.3), softmax(LOGITS, 1, Set.of(1, 4, 2)));
    }

    @Test
    void topPCountsAmongWhatTopKLeft() {
        // Of tokens 1 and 4 alone, 1 holds 0.62, so 0.6 needs no second.
        assertFrequencies(sampling(1, 0.6, 2, 0), softmax(LOGITS, 1, Set.of(1)));
    }

    @Test
    void penaltiesCountGeneratedTokensAndTheRepetitionPenaltyThePromptToo() {
        Sampler presence = new Sampler(with(0, 1, 2.0, 0), new int[] {1});
        assertThat(presence.next(LOGITS.clone(), 5, Set.of())).isEqualTo(1);
        assertThat(presence.next(LOGITS.clone(), 5, Set.of())).isEqualTo(4);
        assertThat(presence.next(LOGITS.clone(), 5, Set.of())).isEqualTo(2);
        Sampler frequency = new Sampler(with(0, 1, 0, 0.3), new int[] {1});
        assertThat(frequency.next(LOGITS.clone(), 5, Set.of())).isEqualTo(1);
        assertThat(frequency.next(LOGITS.clone(), 5, Set.of())).isEqualTo(1);
        assertThat(frequency.next(LOGITS.clone(), 5, Set.of())).isEqualTo(4);
        Sampler repetition = new Sampler(with(0, 2, 0, 0), new int[] {1});
        assertThat(repetition.next(LOGITS.clone(), 5, Set.of())).isEqualTo(4);
    }

    @Test
    void bansAndBiasChangeTheChoice() {
        assertThat(new Sampler(Sampling.GREEDY, new int[] {1}).next(LOGITS.clone(), 5, Set.of(1, 4)))
                .isEqualTo(2);
        Sampling biased = new Sampling(0, 1, 0, 0, 1, 0, 0, Map.of(3, 100.0), OptionalLong.empty());
        assertThat(new Sampler(biased, new int[] {1}).next(LOGITS.clone(), 5, Set.of()))
                .isEqualTo(3);
    }

    @Test
    void oneSeedGivesOneSeriesAndAnotherSeedAnother() {
        assertThat(series(7)).isEqualTo(series(7)).isNotEqualTo(series(8));
    }

    private static String series(long seed) {
        Sampler sampler =
                new Sampler(new Sampling(1, 1, 0, 0, 1, 0, 0, Map.of(), OptionalLong.of(seed)), new int[] {0});
        StringBuilder series = new StringBuilder();
        for (int i = 0; i < 40; i++) {
            series.append(sampler.next(LOGITS.clone(), 5, Set.of()));
        }
        return series.toString();
    }

    private static Sampling sampling(double temperature, double topP, int topK, double minP) {
        return new Sampling(temperature, topP, topK, minP, 1, 0, 0, Map.of(), OptionalLong.of(11));
    }

    private static Sampling with(double temperature, double repetition, double presence, double frequency) {
        return new Sampling(temperature, 1, 0, 0, repetition, presence, frequency, Map.of(), OptionalLong.of(11));
    }

    private static double[] softmax(float[] logits, double temperature, Set<Integer> kept) {
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int token : kept) {
            probabilities[token] = Math.exp(logits[token] / temperature);
            sum += probabilities[token];
        }
        for (int token = 0; token < probabilities.length; token++) {
            probabilities[token] /= sum;
        }
        return probabilities;
    }

    /** Within 0.015: over four standard deviations of a frequency in 20,000 draws. Seeded, so it never flickers. */
    private static void assertFrequencies(Sampling sampling, double[] expected) {
        Sampler sampler = new Sampler(sampling, new int[] {0});
        int[] counts = new int[expected.length];
        for (int i = 0; i < DRAWS; i++) {
            counts[sampler.next(LOGITS.clone(), LOGITS.length, Set.of())]++;
        }
        for (int token = 0; token < expected.length; token++) {
            if (expected[token] == 0) {
                assertThat(counts[token]).as("token %d", token).isZero();
            } else {
                assertThat(counts[token] / (double) DRAWS)
                        .as("token %d", token)
                        .isCloseTo(expected[token], within(0.015));
            }
        }
    }
}
