package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class DivergenceTest {
    @Test
    void theDivergenceOfLogRowsIsThatOfTheProbabilitiesInDouble() {
        Random random = new Random(3);
        for (int vocabulary : new int[] {1, 2, 7, 300, 5000}) {
            for (double scale : new double[] {0.01, 1, 10}) {
                float[] a = logits(random, vocabulary, scale);
                float[] b = logits(random, vocabulary, scale);
                double naive = naive(softmax(a), softmax(b));
                assertThat(Divergence.kl(rows(a), rows(b)))
                        .as("%d tokens, scale %s", vocabulary, scale)
                        .isCloseTo(naive, within(1e-6 * Math.max(1, naive)));
            }
        }
    }

    @Test
    void twoCoinsDivergeByTheFormula() {
        float[] fair = {(float) Math.log(0.5), (float) Math.log(0.5)};
        float[] unfair = {(float) Math.log(0.25), (float) Math.log(0.75)};
        double expected = 0.5 * Math.log(0.5 / 0.25) + 0.5 * Math.log(0.5 / 0.75);
        assertThat(Divergence.kl(fair, unfair)).isCloseTo(expected, within(1e-7));
        assertThat(Divergence.kl(unfair, fair)).isNotCloseTo(expected, within(1e-3));
    }

    @Test
    void equalRowsDoNotDivergeAndRoundingNeverMakesItNegative() {
        Random random = new Random(4);
        for (int i = 0; i < 200; i++) {
            float[] row = rows(logits(random, 400, 3));
            float[] rounded = row.clone();
            for (int token = 0; token < row.length; token++) {
                rounded[token] = Math.nextUp(row[token]);
            }
            assertThat(Divergence.kl(row, row)).isZero();
            assertThat(Divergence.kl(row, rounded)).isBetween(0.0, 1e-6);
        }
    }

    @Test
    void impossibleTokensGiveNumbersAllTheSame() {
        float[] sure = {0, Float.NEGATIVE_INFINITY};
        float[] opposite = {Float.NEGATIVE_INFINITY, 0};
        assertThat(Divergence.kl(sure, sure)).isZero();
        assertThat(Divergence.kl(sure, opposite)).isEqualTo(9999);
    }

    @Test
    void rowsOfDifferentVocabulariesAreRefused() {
        assertThatThrownBy(() -> Divergence.kl(new float[2], new float[3])).hasMessageContainingAll("2", "3");
    }

    @Test
    void theTopTokenIsTheFirstOfTheBest() {
        assertThat(Divergence.top(new float[] {-3, -1, -2, -1})).isEqualTo(1);
        assertThat(Divergence.top(new float[] {-3})).isZero();
    }

    private static float[] logits(Random random, int vocabulary, double scale) {
        float[] logits = new float[vocabulary];
        for (int token = 0; token < vocabulary; token++) {
            logits[token] = (float) (scale * random.nextGaussian());
        }
        return logits;
    }

    private static float[] rows(float[] logits) {
        float[] row = new float[logits.length];
        new LogSoftmax(logits, logits.length).all(row);
        return row;
    }

    private static double[] softmax(float[] logits) {
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int token = 0; token < logits.length; token++) {
            probabilities[token] = Math.exp(logits[token]);
            sum += probabilities[token];
        }
        for (int token = 0; token < logits.length; token++) {
            probabilities[token] /= sum;
        }
        return probabilities;
    }

    private static double naive(double[] p, double[] q) {
        double sum = 0;
        for (int token = 0; token < p.length; token++) {
            sum += p[token] * Math.log(p[token] / q[token]);
        }
        return sum;
    }
}
