package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Hidden states of a model without weights, in which each token has a place of its own, as one vector. */
class PoolerTest {
    private static final int HIDDEN = 16;
    private static final Layout LAYOUT = Layout.identity(2);

    /** Tokens 96 to 102 in turn: at places 0 to 6, of which 0 has one more than the others. */
    private static final int[] PROMPT =
            IntStream.range(0, 50).map(i -> 96 + i % 7).toArray();

    private static StubRunner letters(KvPool pool) {
        return new StubRunner(pool, 260, 'a', 26, 257, 4096);
    }

    private static SequenceRequest request(int[] prompt, Pooling pooling) {
        return SequenceRequest.pooled("stub", LAYOUT, prompt, pooling);
    }

    private static void assertMean(float[] vector) {
        assertThat(vector).hasSize(HIDDEN);
        for (int place = 0; place < HIDDEN; place++) {
            double expected = place == 0 ? 8 / 50.0 : place < 7 ? 7 / 50.0 : 0;
            assertThat((double) vector[place]).as("place %d", place).isCloseTo(expected, within(1e-7));
        }
    }

    @Test
    void requestsOfManyStepsGiveTheMeanOfAllTokensOrTheLastInAnyCompany() {
        KvPool pool = new KvPool(40_000); // for a few of the sequences at a time; the others wait
        EngineModel model =
                new EngineModel("stub", letters(pool), Tokenizer.bytes().vocabulary());
        List<Recorder> means = new ArrayList<>();
        List<Recorder> lasts = new ArrayList<>();
        try (Engine engine = Engine.start(
                new EngineSettings(8, 100, 8, 40_000, 1 << 20), pool, List.of(model), new SimpleMeterRegistry())) {
            for (int i = 0; i < 20; i++) {
                means.add(new Recorder());
                engine.submit(request(PROMPT, Pooling.MEAN), means.getLast());
                lasts.add(new Recorder());
                engine.submit(request(PROMPT, Pooling.LAST), lasts.getLast());
            }
            means.forEach(Recorder::finished);
            lasts.forEach(Recorder::finished);
        }
        means.forEach(mean -> assertMean(mean.pooled()));
        assertThat(means).allSatisfy(mean -> assertThat(mean.events()).hasSize(2));
        for (Recorder last : lasts) {
            float[] expected = new float[HIDDEN];
            expected[PROMPT[49] - 96] = 1;
            assertThat(last.pooled()).isEqualTo(expected);
        }
    }

    @Test
    void aPositionThatIsComputedAgainAfterAPreemptionCountsOnce() {
        StubRunner runner = letters(new KvPool(1L << 22));
        Recorder recorder = new Recorder();
        Sequence sequence = sequence(runner, recorder);
        step(sequence, runner, 25);
        sequence.preempt();
        for (int rows : new int[] {5, 15, 10, 20}) {
            step(sequence, runner, rows);
        }
        recorder.finished();
        assertMean(recorder.pooled());
    }

    @Test
    void hiddenStatesGoWithScoresAndGeneratedTokensAndAreOfThePromptAlone() {
        KvPool pool = new KvPool(1L << 22);
        EngineModel model =
                new EngineModel("stub", letters(pool), Tokenizer.bytes().vocabulary());
        Recorder recorder = new Recorder();
        try (Engine engine =
                Engine.start(new EngineSettings(2, 4, 8, 1L << 22), pool, List.of(model), new SimpleMeterRegistry())) {
            engine.submit(
                    new SequenceRequest(
                            "stub",
                            LAYOUT,
                            PROMPT,
                            Sampling.GREEDY,
                            StopRules.after(5),
                            new Scores(1, true, true),
                            true,
                            Optional.empty(),
                            Optional.of(Pooling.MEAN)),
                    recorder);
            recorder.finished();
        }
        assertMean(recorder.pooled());
        assertThat(recorder.promptScores()).hasSize(49);
        assertThat(recorder.tokens()).hasSize(5);
    }

    @Test
    void whatIsNoNumberAndWhatDoesNotComeIsAnErrorAndNoVector() {
        Pooler broken = new Pooler(Pooling.MEAN, 2);
        broken.take(0, new float[] {1, Float.NaN});
        assertThatThrownBy(broken::vector)
                .isInstanceOf(SlayerException.class)
                .hasMessageContainingAll("position 1 of 2");
        broken.take(1, new float[] {1, 1});
        assertThatThrownBy(broken::vector)
                .isInstanceOf(SlayerException.class)
                .hasMessageContainingAll("NaN", "place 1");
        assertThatThrownBy(() -> new Pooler(Pooling.LAST, 5).take(3, new float[2]))
                .isInstanceOf(IllegalStateException.class);
    }

    private static Sequence sequence(StubRunner runner, Recorder recorder) {
        Sequence sequence = new Sequence(
                1, request(PROMPT, Pooling.MEAN), runner, Tokenizer.bytes().vocabulary(), new PrefixCache(0), recorder);
        sequence.stack(Stack.of(LAYOUT));
        return sequence;
    }

    private static void step(Sequence sequence, StubRunner runner, int rows) {
        assertThat(sequence.kv.reserve(sequence.computed() + rows, sequence.computed()))
                .isTrue();
        Chunk chunk = sequence.chunk(rows);
        runner.run(List.of(chunk), new Runner.Sink() {
            @Override
            public void score(int index, int position, TokenScore score) {
                throw new AssertionError("an unasked score of position " + position);
            }

            @Override
            public void logits(int index, int position, float[] logits) {
                throw new AssertionError("unasked logits of position " + position);
            }

            @Override
            public void hidden(int index, int position, float[] hidden) {
                sequence.pool(position, hidden);
            }
        });
        sequence.settle(chunk, -1);
    }
}
