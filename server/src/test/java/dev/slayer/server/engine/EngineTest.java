package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the engine promises, shown with a model without weights that counts through the letters. */
class EngineTest {
    private static final int EOS = 257;
    private static final Layout LAYOUT = Layout.identity(2);
    private final SimpleMeterRegistry metrics = new SimpleMeterRegistry();
    private Engine engine;

    @AfterEach
    void close() {
        if (engine != null) {
            engine.close();
            assertThat(engine.status().alive()).isFalse();
        }
    }

    private Engine start(EngineSettings settings) {
        KvPool pool = new KvPool(settings.kvBytes());
        return start(settings, pool, letters(pool));
    }

    private Engine start(EngineSettings settings, KvPool pool, Runner runner) {
        EngineModel model = new EngineModel("stub", runner, Tokenizer.bytes().vocabulary());
        engine = Engine.start(settings, pool, List.of(model), metrics);
        return engine;
    }

    /** After a comes b, after z comes a. */
    private static StubRunner letters(KvPool pool) {
        return new StubRunner(pool, 260, 'a', 26, EOS, 4096);
    }

    private static EngineSettings roomy() {
        return new EngineSettings(8, 100, 64, 1L << 24);
    }

    private static SequenceRequest request(String prompt, StopRules stop, Sampling sampling, Scores scores) {
        int[] tokens = new int[prompt.length()];
        byte[] bytes = prompt.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = bytes[i];
        }
        return new SequenceRequest("stub", LAYOUT, tokens, sampling, stop, scores, true);
    }

    private Recorder submit(SequenceRequest request) {
        Recorder recorder = new Recorder();
        engine.submit(request, recorder);
        return recorder;
    }

    private Recorder generate(String prompt, StopRules stop) {
        return submit(request(prompt, stop, Sampling.GREEDY, Scores.NONE));
    }

    private static StopRules stops(int maxTokens, int minTokens, List<String> stop, Set<Integer> ids) {
        return new StopRules(maxTokens, minTokens, stop, ids, false, false);
    }

    private static Sampling biased(int token) {
        return new Sampling(0, 1, 0, 0, 1, 0, 0, Map.of(token, 50.0), OptionalLong.empty());
    }

    @Test
    void greedyGenerationEndsAtMaxTokens() {
        start(roomy());
        Recorder recorder = generate("xy", StopRules.after(5));
        assertThat(recorder.text()).isEqualTo("zabcd");
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).hasSize(5);
    }

    @Test
    void aPromptLongerThanAStepIsRunInChunks() {
        start(new EngineSettings(2, 10, 4, 1L << 20));
        Recorder recorder = submit(
                request("the longest prompt of all", StopRules.after(3), Sampling.GREEDY, new Scores(1, true, true)));
        assertThat(recorder.text()).isEqualTo("mno");
        assertThat(recorder.promptScores()).hasSize(24);
        assertThat(recorder.promptScores().getLast().token()).isEqualTo('l');
    }

    @Test
    void eosEndsTheTextAndItsTokenIsReported() {
        start(roomy());
        Recorder recorder = submit(request("a", StopRules.after(5), biased(EOS), new Scores(1, true, false)));
        assertThat(recorder.finished())
                .isEqualTo(new SequenceEvent.Finished(FinishReason.STOP, Optional.empty(), "", 0));
        assertThat(recorder.tokens()).containsExactly(EOS);
        assertThat(recorder.scores()).hasSize(1);
    }

    @Test
    void ignoreEosGoesOn() {
        start(roomy());
        StopRules stop = new StopRules(4, 0, List.of(), Set.of(), true, false);
        Recorder recorder = submit(request("a", stop, biased(EOS), Scores.NONE));
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).containsExactly(EOS, EOS, EOS, EOS);
    }

    @Test
    void aStopTokenEndsTheTextAndIsNamed() {
        start(roomy());
        Recorder recorder = generate("a", stops(9, 0, List.of(), Set.of((int) 'd')));
        assertThat(recorder.text()).isEqualTo("bc");
        assertThat(recorder.finished().stopReason()).contains((Object) (int) 'd');
    }

    @Test
    void aStopStringAcrossTokensEndsTheTextAndIsNamed() {
        start(roomy());
        Recorder recorder = generate("a", stops(9, 0, List.of("def", "zz"), Set.of()));
        assertThat(recorder.text()).isEqualTo("bc");
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.STOP);
        assertThat(recorder.finished().stopReason()).contains("def");
    }

    @Test
    void textThatOnlyBeganAStopStringIsShownAtTheEnd() {
        start(roomy());
        Recorder recorder = generate("a", stops(4, 0, List.of("dex"), Set.of()));
        assertThat(recorder.text()).isEqualTo("bcde");
    }

    @Test
    void minTokensHoldsBackEosStopTokensAndStopStrings() {
        start(roomy());
        StopRules stop = stops(9, 4, List.of("c"), Set.of((int) 'z'));
        Recorder recorder = submit(request("a", stop, biased(EOS), Scores.NONE));
        assertThat(recorder.text()).isEqualTo("bcde");
        assertThat(recorder.tokens()).hasSize(5).endsWith(EOS);
    }

    @Test
    void maxTokensZeroScoresThePromptAndGeneratesNothing() {
        start(roomy());
        Recorder recorder = submit(request("abcx", StopRules.after(0), Sampling.GREEDY, new Scores(2, true, true)));
        assertThat(recorder.text()).isEmpty();
        assertThat(recorder.tokens()).isEmpty();
        List<TokenScore> scores = recorder.promptScores();
        assertThat(scores).hasSize(3);
        double sure = 8 - Math.log(Math.exp(8) + 259);
        assertThat(scores.getFirst().logprob()).isCloseTo((float) sure, within(1e-5f));
        assertThat(scores.getFirst().rank()).isEqualTo(1);
        assertThat(scores.getFirst().topTokens()[0]).isEqualTo('b');
        assertThat(scores.getFirst().topLogprobs()[0])
                .isEqualTo(scores.getFirst().logprob());
        assertThat(scores.getLast().token()).isEqualTo('x');
        assertThat(scores.getLast().logprob()).isCloseTo((float) (sure - 8), within(1e-5f));
        assertThat(scores.getLast().rank()).isEqualTo(2);
        assertThat(scores.getLast().topTokens()[0]).isEqualTo('d');
    }

    @Test
    void scoresAreTakenBeforeAnySamplingTransform() {
        start(roomy());
        Sampling odd = new Sampling(0.3, 0.5, 3, 0.1, 1.7, 1, 1, Map.of((int) 'q', 40.0), OptionalLong.of(1));
        Recorder recorder = submit(request("a", StopRules.after(1), odd, new Scores(1, true, false)));
        recorder.finished();
        TokenScore score = recorder.scores().getFirst();
        assertThat(score.token()).isEqualTo('q');
        assertThat(score.logprob()).isCloseTo((float) -Math.log(Math.exp(8) + 259), within(1e-5f));
        assertThat(score.topTokens()).containsExactly('b');
    }

    @Test
    void whereKvRunsOutTheYoungestIsPreemptedAndEverybodyGetsTheSameText() {
        KvPool measure = new KvPool(1L << 30);
        long least = letters(measure).kvBytes(LAYOUT, 310);
        start(new EngineSettings(8, 100, 64, 2 * least));
        List<Recorder> recorders = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            recorders.add(
                    submit(request("abcdefghij", StopRules.after(300), Sampling.GREEDY, new Scores(0, true, true))));
        }
        String expected = recorders.getFirst().text();
        assertThat(expected).hasSize(300).startsWith("klm");
        for (Recorder recorder : recorders) {
            assertThat(recorder.text()).isEqualTo(expected);
            assertThat(recorder.promptScores()).hasSize(9);
            assertThat(recorder.scores()).hasSize(300);
        }
        assertThat(metrics.counter("slayer_num_preemptions").count()).isPositive();
        awaitIdle();
    }

    @Test
    void whatCannotRunIsRefusedWithTheNumbers() {
        start(new EngineSettings(2, 10, 4, 1L << 20));
        assertRefused(
                request("a", StopRules.after(4096), Sampling.GREEDY, Scores.NONE),
                400,
                "context is 4096 tokens",
                "needs 4097");
        assertRefused(request("a", StopRules.after(4095), Sampling.GREEDY, Scores.NONE), 507, "1048576");
        assertRefused(
                new SequenceRequest(
                        "stub", LAYOUT, new int[] {260}, Sampling.GREEDY, StopRules.after(1), Scores.NONE, true),
                400,
                "token 260",
                "0 to 259");
        assertRefused(
                new SequenceRequest("stub", LAYOUT, new int[0], Sampling.GREEDY, StopRules.after(1), Scores.NONE, true),
                400,
                "no tokens");
        assertRefused(
                new SequenceRequest(
                        "other", LAYOUT, new int[] {1}, Sampling.GREEDY, StopRules.after(1), Scores.NONE, true),
                404,
                "'other'",
                "stub");
        assertRefused(request("a", StopRules.after(1), biased(999), Scores.NONE), 400, "logit_bias holds token 999");
    }

    private void assertRefused(SequenceRequest request, int status, String... words) {
        assertThatThrownBy(() -> engine.submit(request, new Recorder()))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(status))
                .hasMessageContainingAll(words);
    }

    @Test
    void aFullQueueIs429AndRoomComesBack() {
        Gate gate = new Gate();
        KvPool pool = new KvPool(1L << 24);
        start(new EngineSettings(1, 2, 8, 1L << 24), pool, new Gated(letters(pool), gate));
        List<Recorder> recorders = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            recorders.add(generate("a", StopRules.after(3)));
        }
        assertRefused(request("a", StopRules.after(3), Sampling.GREEDY, Scores.NONE), 429, "queue is full");
        gate.open();
        recorders.forEach(recorder -> assertThat(recorder.text()).isEqualTo("bcd"));
        assertThat(generate("a", StopRules.after(3)).text()).isEqualTo("bcd");
    }

    @Test
    void aCancelledSequenceEndsAndGivesItsMemoryBack() {
        start(roomy());
        Recorder recorder = new Recorder();
        Engine.Ticket ticket =
                engine.submit(request("a", StopRules.after(4000), Sampling.GREEDY, Scores.NONE), recorder);
        recorder.awaitToken();
        ticket.cancel();
        ticket.cancel();
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.CANCELLED);
        awaitIdle();
    }

    @Test
    void aFailingStepFailsItsSequencesAndTheEngineGoesOn() {
        KvPool pool = new KvPool(1L << 24);
        StubRunner letters = letters(pool);
        start(roomy(), pool, new Wrapped(letters) {
            @Override
            public void run(List<Chunk> chunks, Sink sink) {
                if (chunks.stream().anyMatch(chunk -> chunk.tokens()[0] == '!')) {
                    throw new IllegalStateException("the device is on fire");
                }
                super.run(chunks, sink);
            }
        });
        SequenceEvent end = generate("!", StopRules.after(3)).await();
        assertThat(end).isInstanceOfSatisfying(SequenceEvent.Failed.class, failed -> {
            assertThat(failed.error().status()).isEqualTo(500);
            assertThat(failed.error()).hasMessageContaining("on fire").hasCauseInstanceOf(IllegalStateException.class);
        });
        assertThat(generate("a", StopRules.after(3)).text()).isEqualTo("bcd");
        awaitIdle();
    }

    @Test
    void aTokenThatTheTokenizerDoesNotKnowSaysNothing() {
        KvPool pool = new KvPool(1L << 24);
        start(roomy(), pool, new StubRunner(pool, 400, 'y', 400 - 'y', 5, 4096)); // the byte tokenizer ends at 259
        Recorder recorder = submit(request("x", StopRules.after(150), Sampling.GREEDY, new Scores(1, true, false)));
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).hasSize(150).contains(260, 269);
        assertThat(recorder.text()).startsWith("yz{|}~");
    }

    @Test
    void aListenerThatThrowsHurtsNobodyElse() {
        start(roomy());
        engine.submit(request("a", StopRules.after(3), Sampling.GREEDY, Scores.NONE), event -> {
            throw new IllegalStateException("this listener always throws");
        });
        assertThat(generate("a", StopRules.after(3)).text()).isEqualTo("bcd");
        awaitIdle();
    }

    @Test
    void whatFailsOutsideOfTheDeviceFailsTheSequenceAndTheEngineGoesOn() {
        KvPool pool = new KvPool(1L << 24);
        start(roomy(), pool, new Wrapped(letters(pool)) {
            @Override
            public void run(List<Chunk> chunks, Sink sink) {
                super.run(chunks, (LogitsSink) (chunk, position, logits) -> {
                    boolean cut = chunks.get(chunk).tokens()[0] == '!';
                    sink.logits(chunk, position, cut ? new float[3] : logits);
                });
            }
        });
        Recorder good = generate("a", StopRules.after(30));
        assertThat(generate("!", StopRules.after(3)).await()).isInstanceOf(SequenceEvent.Failed.class);
        assertThat(good.text()).hasSize(30);
        awaitIdle();
    }

    @Test
    void notANumberIsAnErrorOfThatSequenceOnly() {
        KvPool pool = new KvPool(1L << 24);
        start(roomy(), pool, new Wrapped(letters(pool)) {
            @Override
            public void run(List<Chunk> chunks, Sink sink) {
                super.run(chunks, (LogitsSink) (chunk, position, logits) -> {
                    if (chunks.get(chunk).tokens()[0] == '!') {
                        logits[3] = Float.NaN;
                    }
                    sink.logits(chunk, position, logits);
                });
            }
        });
        Recorder good = submit(request("a", StopRules.after(30), Sampling.GREEDY, new Scores(0, true, false)));
        Recorder bad = submit(request("!", StopRules.after(3), Sampling.GREEDY, new Scores(0, true, false)));
        assertThat(bad.await())
                .isInstanceOfSatisfying(
                        SequenceEvent.Failed.class,
                        failed -> assertThat(failed.error()).hasMessageContaining("NaN"));
        assertThat(good.text()).hasSize(30);
        awaitIdle();
    }

    @Test
    void drainLetsRunningSequencesFinishAndRefusesNewOnes() throws Exception {
        start(roomy());
        Recorder recorder = generate("a", StopRules.after(4000));
        recorder.awaitToken();
        CompletableFuture<Void> drained = engine.drain(Duration.ofSeconds(60));
        assertRefused(request("a", StopRules.after(1), Sampling.GREEDY, Scores.NONE), 503, "shutting down");
        drained.get(60, TimeUnit.SECONDS);
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(recorder.tokens()).hasSize(4000);
    }

    @Test
    void afterTheDeadlineDrainCancelsWhatIsLeft() throws Exception {
        Gate gate = new Gate();
        KvPool pool = new KvPool(1L << 24);
        start(roomy(), pool, new Gated(letters(pool), gate));
        Recorder recorder = generate("a", StopRules.after(4000));
        CompletableFuture<Void> drained = engine.drain(Duration.ZERO);
        gate.open();
        drained.get(60, TimeUnit.SECONDS);
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.CANCELLED);
    }

    @Test
    void closingFailsWhatHasNotEnded() {
        start(roomy());
        Recorder recorder = generate("a", StopRules.after(4000));
        recorder.awaitToken();
        engine.close();
        assertThat(recorder.await()).isInstanceOfAny(SequenceEvent.Failed.class, SequenceEvent.Finished.class);
        assertRefused(request("a", StopRules.after(1), Sampling.GREEDY, Scores.NONE), 503, "shutting down");
        engine.drain(Duration.ZERO).join();
    }

    private void awaitIdle() {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (engine.status().kvBytesUsed() > 0 || engine.status().running() > 0) {
            assertThat(System.nanoTime()).as("still busy: %s", engine.status()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }

    /** Holds a runner back until a test lets it go. */
    private static final class Gate {
        private final CountDownLatch latch = new CountDownLatch(1);

        void open() {
            latch.countDown();
        }

        void pass() {
            try {
                assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    private static class Wrapped implements Runner {
        private final Runner runner;

        Wrapped(Runner runner) {
            this.runner = runner;
        }

        @Override
        public dev.slayer.surgery.checkpoint.ModelConfig config() {
            return runner.config();
        }

        @Override
        public Kv openKv(Layout layout) {
            return runner.openKv(layout);
        }

        @Override
        public long kvBytes(Layout layout, int rows) {
            return runner.kvBytes(layout, rows);
        }

        @Override
        public CompletableFuture<Stack> prepare(Layout layout) {
            return runner.prepare(layout);
        }

        @Override
        public StackCost cost(Layout layout) {
            return runner.cost(layout);
        }

        @Override
        public void run(List<Chunk> chunks, Sink sink) {
            runner.run(chunks, sink);
        }

        @Override
        public CompletableFuture<Void> retire() {
            return runner.retire();
        }
    }

    private static final class Gated extends Wrapped {
        private final Gate gate;

        Gated(Runner runner, Gate gate) {
            super(runner);
            this.gate = gate;
        }

        @Override
        public void run(List<Chunk> chunks, Sink sink) {
            gate.pass();
            super.run(chunks, sink);
        }
    }
}
