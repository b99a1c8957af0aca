package dev.slayer.server.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class ModelCostsTest {
    private final ModelCosts costs = new ModelCosts(Shape.LLAMA_3_8B.config(), 32, 2);

    @Test
    void aStepOfLlama3ReadsFifteenGigabytesOfWeightsAnd128KibForEachRow() {
        assertThat(costs.kvRowBytes()).isEqualTo(128 << 10);
        double weights = costs.decodeStep(1, 0).bytes();
        assertThat(weights).isCloseTo(2 * (8.03e9 - 0.525e9), within(1e8));
        assertThat(costs.decodeStep(8, 8000).bytes()).isEqualTo(weights + 8000.0 * (128 << 10));
    }

    @Test
    void aTokenReadTakesTwoOperationsForEachNumberOfTheStack() {
        double one = costs.prefill(1, 0, 0).operations();
        assertThat(one).isCloseTo(2 * 6.98e9, within(2e7));
        assertThat(costs.prefill(1, 0, 1).operations()).isEqualTo(one + 2.0 * 128_256 * 4096);
        assertThat(costs.prefill(0, 1000, 0).operations()).isEqualTo(4.0 * 4096 * 32 * 1000);
    }

    @Test
    void tokensBehindACachedBeginningSeeAllOfIt() {
        assertThat(ModelCosts.seen(3, 0)).isEqualTo(1 + 2 + 3);
        assertThat(ModelCosts.seen(5, 3)).isEqualTo(4 + 5);
    }

    @Test
    void theLimitIsWhateverTakesLonger() {
        Limits limits = new Limits(OptionalDouble.of(100), OptionalDouble.of(1000));
        assertThat(limits.seconds(new Cost(200, 1000))).isEqualTo(2);
        assertThat(limits.seconds(new Cost(10, 5000))).isEqualTo(5);
    }
}
