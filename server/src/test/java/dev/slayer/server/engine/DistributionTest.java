package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Whole distributions of prompt positions, from a model without weights. */
class DistributionTest {
    private static final int VOCABULARY = 260;
    private static final Layout LAYOUT = Layout.identity(2);
    private static final int[] PROMPT =
            IntStream.range(0, 50).map(i -> 'a' + i % 7).toArray();

    private static StubRunner letters(KvPool pool) {
        return new StubRunner(pool, VOCABULARY, 'a', 26, 257, 4096);
    }

    private static SequenceRequest request(int maxTokens, Scores scores) {
        return new SequenceRequest("stub", LAYOUT, PROMPT, Sampling.GREEDY, StopRules.after(maxTokens), scores, true);
    }

    private static Recorder run(SequenceRequest request) {
        KvPool pool = new KvPool(1L << 22);
        EngineModel model =
                new EngineModel("stub", letters(pool), Tokenizer.bytes().vocabulary());
        Recorder recorder = new Recorder();
        try (Engine engine =
                Engine.start(new EngineSettings(2, 4, 8, 1L << 22), pool, List.of(model), new SimpleMeterRegistry())) {
            engine.submit(request, recorder);
            recorder.finished();
        }
        return recorder;
    }

    @Test
    void everyPositionFromTheOneAskedForComesOnceAndIsTheRawLogSoftmax() {
        Recorder recorder = run(request(0, Scores.distributions(20)));
        assertThat(recorder.distributions())
                .extracting(SequenceEvent.Distribution::position)
                .containsExactlyElementsOf(
                        IntStream.range(20, PROMPT.length - 1).boxed().toList());
        double norm = Math.log(Math.exp(8) + VOCABULARY - 1);
        for (SequenceEvent.Distribution row : recorder.distributions()) {
            assertThat(row.logprobs()).hasSize(VOCABULARY);
            int expected = PROMPT[row.position()] + 1;
            for (int token = 0; token < VOCABULARY; token++) {
                assertThat((double) row.logprobs()[token]).isCloseTo((token == expected ? 8 : 0) - norm, within(1e-5));
            }
        }
    }

    @Test
    void theyGoWithScoresAndGenerationAndAgreeWithThem() {
        Recorder recorder = run(new SequenceRequest(
                "stub",
                LAYOUT,
                PROMPT,
                Sampling.GREEDY,
                StopRules.after(3),
                new Scores(1, true, true, OptionalInt.of(30)),
                true));
        assertThat(recorder.tokens()).hasSize(3);
        assertThat(recorder.promptScores()).hasSize(PROMPT.length - 1);
        assertThat(recorder.distributions()).hasSize(PROMPT.length - 1 - 30);
        for (SequenceEvent.Distribution row : recorder.distributions()) {
            TokenScore score = recorder.promptScores().get(row.position());
            assertThat(row.logprobs()[score.token()]).isEqualTo(score.logprob());
        }
    }

    @Test
    void thePromptsLastPositionHasNoneAndOnesOutsideAreRefused() {
        assertThat(run(request(0, Scores.distributions(PROMPT.length - 1))).distributions())
                .isEmpty();
        for (int position : new int[] {-1, PROMPT.length}) {
            assertThatThrownBy(() -> run(request(0, Scores.distributions(position))))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContainingAll("position " + position, "0 to 49");
        }
    }

    @Test
    void aSequenceThatIsPreemptedDoesNotTellAPositionTwice() {
        StubRunner runner = letters(new KvPool(1L << 22));
        Recorder recorder = new Recorder();
        Sequence sequence = new Sequence(
                1,
                request(0, Scores.distributions(10)),
                runner,
                Tokenizer.bytes().vocabulary(),
                new PrefixCache(0),
                recorder);
        sequence.stack(Stack.of(LAYOUT));
        step(sequence, runner, 25);
        assertThat(recorder.distributions()).hasSize(15);
        sequence.preempt();
        for (int rows : new int[] {5, 15, 10, 20}) {
            step(sequence, runner, rows);
        }
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.distributions())
                .extracting(SequenceEvent.Distribution::position)
                .containsExactlyElementsOf(
                        IntStream.range(10, PROMPT.length - 1).boxed().toList());
    }

    private static void step(Sequence sequence, StubRunner runner, int rows) {
        assertThat(sequence.kv.reserve(sequence.computed() + rows, sequence.computed()))
                .isTrue();
        Chunk chunk = sequence.chunk(rows);
        runner.run(List.of(chunk), (LogitsSink) (index, position, logits) -> sequence.draw(position, logits));
        sequence.settle(chunk, -1);
    }
}
