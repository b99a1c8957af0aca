package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What cannot run, what goes wrong, and what is ended from outside: it costs nobody else anything. */
class EngineFailuresTest extends LettersEngine {
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
    void aStepThatFindsNoMemoryRunsOneByOneAndFailsOnlyWhomNothingHelps() {
        KvPool pool = new KvPool(1L << 24);
        Gate gate = new Gate();
        AtomicInteger together = new AtomicInteger();
        start(roomy(), pool, new WrappedRunner(new Gated(letters(pool), gate)) {
            @Override
            public void run(List<Chunk> chunks, Sink sink) {
                if (chunks.size() > 1 || chunks.getFirst().tokens()[0] == '!') {
                    together.accumulateAndGet(chunks.size(), Math::max);
                    throw new SlayerException(507, "device_memory_exhausted", null, "no memory", null);
                }
                super.run(chunks, sink);
            }
        });
        Recorder first = generate("a", StopRules.after(3)); // keeps the engine busy until all are there
        Recorder refused = generate("!", StopRules.after(3));
        List<Recorder> others = List.of(generate("b", StopRules.after(3)), generate("c", StopRules.after(3)));
        gate.open();
        assertThat(first.text()).isEqualTo("bcd");
        assertThat(others.get(0).text()).isEqualTo("cde");
        assertThat(others.get(1).text()).isEqualTo("def");
        assertThat(refused.await())
                .isInstanceOfSatisfying(
                        SequenceEvent.Failed.class,
                        failed -> assertThat(failed.error().status()).isEqualTo(507));
        assertThat(together.get())
                .as("sequences of a step that found no memory")
                .isGreaterThan(1);
        awaitIdle();
    }

    @Test
    void aFailingStepFailsItsSequencesAndTheEngineGoesOn() {
        KvPool pool = new KvPool(1L << 24);
        StubRunner letters = letters(pool);
        start(roomy(), pool, new WrappedRunner(letters) {
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
        start(roomy(), pool, new WrappedRunner(letters(pool)) {
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
        start(roomy(), pool, new WrappedRunner(letters(pool)) {
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

    private static final class Gated extends WrappedRunner {
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
