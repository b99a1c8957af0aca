package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Recipe;
import dev.slayer.surgery.layout.Slot;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Stacks that take time to make, and checkpoints that come and go, while other sequences run. */
class EngineStacksTest {
    private static final Layout BASE = Layout.identity(2);
    private static final Layout EDITED = new Layout(List.of(new Slot(new Recipe.Plain(1))));
    private final EngineSettings settings = new EngineSettings(8, 100, 64, 1L << 24);
    private final KvPool pool = new KvPool(settings.kvBytes());
    private final Workshop workshop = new Workshop(pool);
    private final Engine engine = Engine.start(
            settings, pool, List.of(new EngineModel("stub", workshop, vocabulary())), new SimpleMeterRegistry());

    @AfterEach
    void everyStackIsClosedInTheEnd() {
        workshop.making.values().forEach(future -> future.completeExceptionally(new IllegalStateException("too late")));
        engine.close();
        assertThat(workshop.open).hasValue(0);
    }

    private static Vocabulary vocabulary() {
        return Tokenizer.bytes().vocabulary();
    }

    private static SequenceRequest request(String model, Layout layout, int tokens) {
        return new SequenceRequest(
                model, layout, new int[] {'x'}, Sampling.GREEDY, StopRules.after(tokens), Scores.NONE, true);
    }

    private Recorder submit(Layout layout, int tokens) {
        Recorder recorder = new Recorder();
        engine.submit(request("stub", layout, tokens), recorder);
        return recorder;
    }

    @Test
    void aSequenceWaitsForItsStackWhileOthersRun() {
        Recorder waiting = submit(EDITED, 3);
        Recorder running = submit(BASE, 3);
        assertThat(running.text()).isEqualTo("yza");
        assertThat(waiting.events()).isEmpty();
        assertThat(engine.status().waiting()).isEqualTo(1);
        workshop.finish(EDITED);
        assertThat(waiting.text()).isEqualTo("yza");
    }

    @Test
    void aSequenceCancelledBeforeItsStackIsReadyEndsAtOnceAndTheStackIsLetGo() {
        Recorder recorder = new Recorder();
        engine.submit(request("stub", EDITED, 3), recorder).cancel();
        assertThat(recorder.finished().reason()).isEqualTo(FinishReason.CANCELLED);
        workshop.finish(EDITED);
        assertThat(submit(BASE, 1).text()).isEqualTo("y"); // the message about the stack has been handled by then
        assertThat(workshop.open).hasValue(0);
    }

    @Test
    void aStackThatCannotBeMadeFailsItsSequenceWithTheReasonAndNoOther() {
        Recorder failing = submit(EDITED, 3);
        Recorder running = submit(BASE, 30);
        workshop.making
                .get(EDITED)
                .completeExceptionally(SlayerException.badRequest("layers", "there is no such layer"));
        assertThat(failing.await())
                .isInstanceOfSatisfying(
                        SequenceEvent.Failed.class,
                        failed -> assertThat(failed.error()).hasMessage("there is no such layer"));
        assertThat(running.finished().reason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aLayoutThatIsRefusedAtOnceThrowsAtSubmissionAndTakesNoPlaceInTheQueue() {
        workshop.refusal = new SlayerException(507, "derived_blocks_memory_exhausted", null, "no room", null);
        for (int i = 0; i < 2 * (settings.maxQueue() + settings.maxSequences()); i++) {
            assertThatThrownBy(() -> submit(BASE, 1)).hasMessage("no room");
        }
        workshop.refusal = null;
        assertThat(submit(BASE, 1).text()).isEqualTo("y");
    }

    @Test
    void drainingWaitsForSequencesWhoseStackIsBeingMade() {
        Recorder waiting = submit(EDITED, 3);
        CompletableFuture<Void> drained = engine.drain(Duration.ofMinutes(1));
        assertThat(drained).isNotDone();
        workshop.finish(EDITED);
        assertThat(waiting.text()).isEqualTo("yza");
        assertThat(drained).succeedsWithin(Duration.ofSeconds(60));
    }

    @Test
    void stoppingFailsSequencesWhoseStackIsBeingMade() {
        Recorder waiting = submit(EDITED, 3);
        engine.close();
        assertThat(waiting.await()).isInstanceOf(SequenceEvent.Failed.class);
        workshop.finish(EDITED);
    }

    @Test
    void aCheckpointLoadedLaterIsServedAndOneUnloadedFinishesItsSequences() {
        Workshop second = new Workshop(pool);
        engine.load(new EngineModel("second", second, vocabulary()));
        assertThatThrownBy(() -> engine.load(new EngineModel("second", new Workshop(pool), vocabulary())))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(409));
        Recorder running = new Recorder();
        Recorder preparing = new Recorder();
        engine.submit(request("second", BASE, 2000), running);
        engine.submit(request("second", EDITED, 3), preparing);
        running.awaitToken();
        CompletableFuture<Void> unloaded = engine.unload("second");
        assertThatThrownBy(() -> engine.submit(request("second", BASE, 1), new Recorder()))
                .hasMessage("The model 'second' does not exist; there are [stub].");
        assertThatThrownBy(() -> engine.unload("second")).isInstanceOf(SlayerException.class);
        assertThat(running.finished().reason()).isEqualTo(FinishReason.LENGTH);
        assertThat(running.tokens()).hasSize(2000);
        assertThat(second.retired).hasValue(0);
        second.finish(EDITED);
        assertThat(preparing.text()).isEqualTo("yza");
        assertThat(unloaded).succeedsWithin(Duration.ofSeconds(60));
        assertThat(second.retired).hasValue(1);
        assertThat(second.open).hasValue(0);
        assertThat(submit(BASE, 1).text()).isEqualTo("y");
    }

    @Test
    void unloadingUnderLoadBreaksNoSequence() throws InterruptedException {
        for (int round = 0; round < 20; round++) {
            Workshop second = new Workshop(pool);
            engine.load(new EngineModel("second", second, vocabulary()));
            List<Recorder> accepted = new ArrayList<>();
            Thread client = Thread.ofPlatform().start(() -> {
                try {
                    while (accepted.size() < 90) {
                        Recorder recorder = new Recorder();
                        engine.submit(request("second", BASE, 4), recorder);
                        accepted.add(recorder);
                    }
                } catch (SlayerException e) {
                    assertThat(e.status()).isEqualTo(404);
                }
            });
            assertThat(engine.unload("second")).succeedsWithin(Duration.ofSeconds(60));
            client.join(TimeUnit.SECONDS.toMillis(20));
            accepted.forEach(recorder -> assertThat(recorder.text()).isEqualTo("yzab"));
            assertThat(second.ranAfterRetirement).hasValue(0);
            assertThat(second.retired).hasValue(1);
        }
    }

    /** Makes the stack of the base at once and every other when told to; counts stacks that are open. */
    private static final class Workshop extends WrappedRunner {
        final Map<Layout, CompletableFuture<Stack>> making = new ConcurrentHashMap<>();
        final AtomicInteger open = new AtomicInteger();
        final AtomicInteger retired = new AtomicInteger();
        final AtomicInteger ranAfterRetirement = new AtomicInteger();
        volatile SlayerException refusal;

        Workshop(KvPool pool) {
            super(new StubRunner(pool, 260, 'a', 26, 257, 4096));
        }

        void finish(Layout layout) {
            making.get(layout).complete(stack(layout));
        }

        private Stack stack(Layout layout) {
            open.incrementAndGet();
            return new Stack() {
                private boolean closed;

                @Override
                public Layout layout() {
                    return layout;
                }

                @Override
                public StackPath path() {
                    return StackPath.of(layout);
                }

                @Override
                public synchronized void close() {
                    if (!closed) {
                        closed = true;
                        open.decrementAndGet();
                    }
                }
            };
        }

        @Override
        public CompletableFuture<Stack> prepare(Layout layout) {
            if (refusal != null) {
                throw refusal;
            }
            return layout.equals(BASE)
                    ? CompletableFuture.completedFuture(stack(layout))
                    : making.computeIfAbsent(layout, key -> new CompletableFuture<>());
        }

        @Override
        public void run(List<Chunk> chunks, Sink sink) {
            ranAfterRetirement.addAndGet(retired.get());
            super.run(chunks, sink);
        }

        @Override
        public CompletableFuture<Void> retire() {
            retired.incrementAndGet();
            return CompletableFuture.completedFuture(null);
        }
    }
}
