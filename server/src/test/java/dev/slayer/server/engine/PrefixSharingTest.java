package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What requests begin with alike is computed once, also when they come together, and the numbers are those without a cache. */
class PrefixSharingTest {
    private static final long CACHE = 1L << 26;
    private static CpuDevice device;
    private static Checkpoint checkpoint;
    private static Tokenizer tokenizer;
    private static Layout base;
    private static int[] text;

    @BeforeAll
    static void open() {
        device = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
        checkpoint = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
        tokenizer = Tokenizer.load(checkpoint.directory());
        base = Layout.identity(checkpoint.config().layers());
        text = tokenizer.encode(
                "The old man walked down to the river and looked at the water. It was cold and grey, and the wind"
                        + " came from the hills. He thought of his brother, who had gone away many years ago.",
                true);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        checkpoint.close();
        device.close();
    }

    private static Counting engine(EngineSettings settings) {
        KvPool pool = new KvPool(settings.kvBytes());
        Counting runner =
                new Counting(device.runner("tiny", checkpoint, WeightType.FP32, pool, settings.maxBatchTokens()));
        runner.engine = Engine.start(
                settings, pool, List.of(new EngineModel("tiny", runner, tokenizer.vocabulary())), runner.metrics);
        return runner;
    }

    private static Counting cached() {
        return engine(new EngineSettings(16, 100, 256, 1L << 28, CACHE));
    }

    private static Layout without(int layer) {
        return layout(
                "0-" + (layer - 1) + "," + (layer + 1) + "-" + (base.slots().size() - 1));
    }

    private static Layout layout(String text) {
        return Layout.parse(text, checkpoint.config(), name -> Optional.empty());
    }

    private static SequenceRequest scoring(Layout layout, int[] prompt, int top) {
        return new SequenceRequest("tiny", layout, prompt, Sampling.GREEDY, stop(1), new Scores(top, true, true), true);
    }

    private static StopRules stop(int maxTokens) {
        return new StopRules(maxTokens, 0, List.of(), Set.of(), true, false);
    }

    private static int[] endingIn(int length, int... end) {
        int[] tokens = Arrays.copyOf(text, length + end.length);
        System.arraycopy(end, 0, tokens, length, end.length);
        return tokens;
    }

    private static List<TokenScore> all(Recorder recorder) {
        recorder.finished();
        List<TokenScore> scores = new ArrayList<>(recorder.promptScores());
        scores.addAll(recorder.scores());
        return scores;
    }

    private static void assertClose(List<TokenScore> actual, List<TokenScore> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i).token()).isEqualTo(expected.get(i).token());
            assertThat(actual.get(i).logprob())
                    .as("score %d", i)
                    .isCloseTo(expected.get(i).logprob(), within(1e-4f));
        }
    }

    @Test
    void aRequestGivesTheSameNumbersFromTheCacheAndWithoutOneForEveryStack() {
        List<Layout> layouts = List.of(base, without(3), without(9), layout("0-5,avg(5:6),6-11"));
        try (Counting with = cached();
                Counting plain = engine(new EngineSettings(16, 100, 256, 1L << 28))) {
            for (Layout layout : layouts) {
                for (int length : new int[] {1, 2, 20, text.length}) {
                    SequenceRequest request = scoring(layout, endingIn(length - 1, 77), 3);
                    List<TokenScore> expected = all(plain.submit(request));
                    assertClose(all(with.submit(request)), expected);
                    Recorder again = with.submit(request);
                    assertClose(all(again), expected);
                    assertThat(again.finished().cachedTokens()).isEqualTo(length - 1);
                    assertThat(plain.submit(request).finished().cachedTokens()).isZero();
                }
            }
        }
    }

    @Test
    void scoresFromTheCacheAreTheVerySameFloats() {
        try (Counting engine = cached()) {
            List<TokenScore> first = all(engine.submit(scoring(base, text, 2)));
            List<TokenScore> again = all(engine.submit(scoring(base, text, 2)));
            for (int i = 0; i < text.length - 1; i++) {
                assertThat(Float.floatToRawIntBits(again.get(i).logprob()))
                        .isEqualTo(Float.floatToRawIntBits(first.get(i).logprob()));
                assertThat(again.get(i).topTokens()).isEqualTo(first.get(i).topTokens());
                assertThat(again.get(i).topLogprobs()).isEqualTo(first.get(i).topLogprobs());
            }
            assertThat(all(engine.submit(scoring(base, text, 1))).getFirst().topTokens())
                    .as("fewer are named where fewer are asked for")
                    .hasSize(1);
        }
    }

    @Test
    void fourChoicesThatComeTogetherComputeTheirContextOnce() {
        int context = text.length - 1;
        try (Counting engine = cached()) {
            List<Recorder> choices = new ArrayList<>();
            for (int choice = 0; choice < 4; choice++) {
                choices.add(engine.submit(scoring(base, endingIn(context, 50 + choice, 60 + choice), 1)));
            }
            choices.forEach(Recorder::finished);
            // The first computes everything. The others compute two tokens of their own, and the one before that scores
            // the first.
            assertThat(engine.rows).hasValue(context + 2 + 3 * 3);
            assertThat(choices.stream().mapToInt(choice -> choice.finished().cachedTokens()))
                    .containsExactly(0, context - 1, context - 1, context - 1);
            assertThat(engine.metrics.get("slayer_prefix_cache_hits").counter().count())
                    .isEqualTo(3.0 * (context - 1));
            assertThat(engine.metrics
                            .get("slayer_prefix_cache_queries")
                            .counter()
                            .count())
                    .isEqualTo(4.0 * (context + 2));
        }
    }

    @Test
    void requestsForOtherStacksDoNotWaitForOneAnother() {
        try (Counting engine = cached()) {
            Recorder one = engine.submit(scoring(base, text, 1));
            Recorder other = engine.submit(scoring(without(4), text, 1));
            assertThat(one.finished().cachedTokens()).isZero();
            assertThat(other.finished().cachedTokens()).isZero();
        }
    }

    @Test
    void aGenerationNeedsNoScoresAndTheNextTurnBeginsWithTheAnswer() {
        try (Counting engine = cached()) {
            Recorder first = engine.submit(
                    new SequenceRequest("tiny", base, text, Sampling.GREEDY, stop(12), Scores.NONE, true));
            first.finished();
            int[] next = Arrays.copyOf(text, text.length + 13);
            System.arraycopy(first.tokens(), 0, next, text.length, 12);
            next[text.length + 12] = 40;
            Recorder second =
                    engine.submit(new SequenceRequest("tiny", base, next, Sampling.GREEDY, stop(3), Scores.NONE, true));
            assertThat(second.finished().cachedTokens())
                    .as("all but the answer's last token, which nothing has read yet")
                    .isEqualTo(text.length + 11);
            assertThat(engine.submit(scoring(base, next, 1)).finished().cachedTokens())
                    .as("nothing of it was scored")
                    .isZero();
        }
    }

    @Test
    void aCacheThatIsAlwaysFullChangesNoNumber() {
        long room = 40L * 2 * base.slots().size() * checkpoint.config().kvWidth() * Float.BYTES; // of some 40 tokens
        try (Counting small = engine(new EngineSettings(4, 100, 32, 1L << 28, room));
                Counting plain = engine(new EngineSettings(4, 100, 32, 1L << 28))) {
            List<SequenceRequest> requests = new ArrayList<>();
            for (int i = 0; i < 24; i++) {
                requests.add(scoring(i % 3 == 0 ? without(2) : base, endingIn(5 + i % 7 * 5, 90 + i % 2, 33), 1));
            }
            List<Recorder> recorders = requests.stream().map(small::submit).toList();
            for (int i = 0; i < requests.size(); i++) {
                assertClose(all(recorders.get(i)), all(plain.submit(requests.get(i))));
            }
        }
    }

    /** Counts the rows that run. */
    private static final class Counting extends WrappedRunner {
        final AtomicInteger rows = new AtomicInteger();
        final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        Engine engine;

        Counting(Runner runner) {
            super(runner);
        }

        Recorder submit(SequenceRequest request) {
            Recorder recorder = new Recorder();
            engine.submit(request, recorder);
            return recorder;
        }

        @Override
        public void run(List<Chunk> chunks, Sink sink) {
            rows.addAndGet(chunks.stream().mapToInt(Chunk::count).sum());
            super.run(chunks, sink);
        }

        /** Stops the engine, which closes the runner. */
        @Override
        public void close() {
            engine.close();
        }
    }
}
