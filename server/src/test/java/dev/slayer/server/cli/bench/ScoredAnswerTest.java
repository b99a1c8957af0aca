package dev.slayer.server.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.bench.Requester.Scored;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScoredAnswerTest {
    @Test
    void eachTokenButTheFirstHasAScoreAndTheGeneratedOne() {
        assertThat(answer(null, -1.0, -2.0, -0.5).isComplete(3)).isTrue();
        assertThat(answer(null, -1.0, -2.0).isComplete(3))
                .as("none of the generated token")
                .isFalse();
        assertThat(answer(-1.0, -1.0, -2.0, -0.5).isComplete(3))
                .as("one of the first")
                .isFalse();
        assertThat(answer(null, -1.0, null, -0.5).isComplete(3)).as("a hole").isFalse();
    }

    @Test
    void anAnswerWithoutScoresIsNotComplete() {
        assertThat(new Scored(null, null).isComplete(3)).isFalse();
        assertThat(new Scored(List.of(), null).isComplete(3)).isFalse();
        assertThat(new Scored(List.of(new Scored.Choice(null)), null).isComplete(3))
                .isFalse();
        assertThat(new Scored(List.of(new Scored.Choice(new Scored.Logprobs(null))), null).isComplete(3))
                .isFalse();
    }

    private static Scored answer(Double... scores) {
        return new Scored(List.of(new Scored.Choice(new Scored.Logprobs(Arrays.asList(scores)))), null);
    }
}
