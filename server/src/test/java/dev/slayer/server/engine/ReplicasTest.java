package dev.slayer.server.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.server.text.Vocabulary;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two real engines, each with a model without weights, as one. */
@Timeout(60)
class ReplicasTest {
    private static final Vocabulary VOCABULARY = Tokenizer.bytes().vocabulary();
    private static final EngineSettings SETTINGS = new EngineSettings(4, 4, 512, 1L << 24, 1L << 22);

    private final List<KvPool> pools = new ArrayList<>();
    private final List<Engine> engines = new ArrayList<>();
    private final Engine replicas = start();

    @AfterEach
    void close() {
        replicas.close();
        assertThat(engines).noneMatch(engine -> engine.status().alive());
        assertThat(replicas.status().kvBytesUsed()).isZero();
    }

    @Test
    void aRepeatedPromptFindsItsPrefixWhateverCameBetween() {
        int[] document = prompt(300, 'a');
        assertThat(generate(document).finished().cachedTokens()).isZero();
        for (int i = 1; i < 8; i++) {
            assertThat(generate(prompt(300, 'a' + i)).finished().cachedTokens()).isZero();
        }
        assertThat(generate(document).finished().cachedTokens()).isGreaterThan(250);
    }

    @Test
    void sequencesSpreadAndStatusIsTheSum() throws InterruptedException {
        Hold hold = new Hold();
        List<Engine.Ticket> tickets = IntStream.range(0, 2)
                .mapToObj(i -> replicas.submit(request(prompt(5, 'a' + i), 100), hold))
                .toList();
        hold.awaitHeld(2); // each holds an engine's thread, so they are on two
        assertThat(tickets.stream().map(Engine.Ticket::id).distinct()).hasSize(2);
        assertThat(replicas.status().alive()).isTrue();
        assertThat(replicas.status().kvBytesLimit()).isEqualTo(2 * SETTINGS.kvBytes());
        hold.release();
        tickets.forEach(Engine.Ticket::cancel);
        hold.awaitEnds(2);
    }

    @Test
    void aFullQueueGoesElsewhereAndOnlyWhenAllAreFullIsItA429() throws InterruptedException {
        Hold hold = new Hold();
        int most = 2 * (SETTINGS.maxSequences() + SETTINGS.maxQueue());
        int[] prompt = prompt(200, 'a'); // all want the same engine
        int taken = 0;
        for (int i = 0; i < most + 1; i++) {
            try {
                var _ = replicas.submit(request(prompt, 2), hold);
                taken++;
            } catch (SlayerException e) {
                assertThat(e.status()).isEqualTo(429);
            }
        }
        assertThat(taken).as("more than one engine takes, and not without end").isBetween(most / 2 + 1, most);
        hold.release();
        hold.awaitEnds(taken);
        assertThat(generate(prompt).finished().reason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void whatCannotRunIsRefusedOnce() {
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> replicas.submit(request(new int[] {100_000}, 1), event -> {}))
                .satisfies(e -> assertThat(e.status()).isEqualTo(400))
                .satisfies(e -> assertThat(e.getSuppressed()).isEmpty());
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> replicas.config("unknown"))
                .satisfies(e -> assertThat(e.status()).isEqualTo(404));
        assertThat(replicas.config("stub").layers()).isEqualTo(2);
        assertThat(replicas.cost("stub", Layout.identity(2)).kvBytesPerToken()).isNotNegative();
    }

    @Test
    void checkpointsAreLoadedOnAllAndUnloadedFromAll() {
        replicas.load(new EngineModel("more", new ReplicatedRunner(List.of(letters(0), letters(1))), VOCABULARY));
        assertThat(engines).allMatch(engine -> engine.config("more").layers() == 2);
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> replicas.load(
                        new EngineModel("more", new ReplicatedRunner(List.of(letters(0), letters(1))), VOCABULARY)))
                .satisfies(e -> assertThat(e.status()).isEqualTo(409));
        replicas.unload("more").orTimeout(30, TimeUnit.SECONDS).join();
        for (Engine engine : engines) {
            assertThatExceptionOfType(SlayerException.class)
                    .isThrownBy(() -> engine.config("more"))
                    .satisfies(e -> assertThat(e.status()).isEqualTo(404));
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> replicas.load(new EngineModel("one", letters(0), VOCABULARY)));
    }

    @Test
    void drainingEndsAll() {
        replicas.drain(Duration.ofSeconds(20)).orTimeout(30, TimeUnit.SECONDS).join();
        assertThatExceptionOfType(SlayerException.class)
                .isThrownBy(() -> replicas.submit(request(prompt(5, 'a'), 1), event -> {}))
                .satisfies(e -> assertThat(e.status()).isEqualTo(503));
    }

    private Engine start() {
        for (int i = 0; i < 2; i++) {
            pools.add(new KvPool(SETTINGS.kvBytes()));
            engines.add(Engine.start(
                    SETTINGS,
                    pools.get(i),
                    List.of(new EngineModel("stub", letters(i), VOCABULARY)),
                    new SimpleMeterRegistry()));
        }
        return Replicas.of(engines, SETTINGS.maxSequences());
    }

    private StubRunner letters(int engine) {
        return new StubRunner(pools.get(engine), 260, 'a', 26, 257, 4096);
    }

    private Recorder generate(int[] prompt) {
        Recorder recorder = new Recorder();
        var _ = replicas.submit(request(prompt, 2), recorder);
        var _ = recorder.await();
        return recorder;
    }

    private static SequenceRequest request(int[] prompt, int maxTokens) {
        return new SequenceRequest(
                "stub", Layout.identity(2), prompt, Sampling.GREEDY, StopRules.after(maxTokens), Scores.NONE, true);
    }

    private static int[] prompt(int length, int first) {
        return IntStream.range(0, length)
                .map(i -> 'a' + (first - 'a' + i * i) % 26)
                .toArray();
    }

    /** Keeps the engine that calls it from going on until it is released. */
    private static final class Hold implements SequenceListener {
        private final CountDownLatch released = new CountDownLatch(1);
        private int held;
        private int ends;

        @Override
        public void on(SequenceEvent event) {
            synchronized (this) {
                held++;
                if (event instanceof SequenceEvent.Finished || event instanceof SequenceEvent.Failed) {
                    ends++;
                }
                notifyAll();
            }
            try {
                released.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        synchronized void awaitHeld(int count) throws InterruptedException {
            while (held < count) {
                wait();
            }
        }

        synchronized void awaitEnds(int count) throws InterruptedException {
            while (ends < count) {
                wait();
            }
        }

        void release() {
            released.countDown();
        }
    }
}
