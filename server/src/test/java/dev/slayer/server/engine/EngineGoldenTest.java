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
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The whole engine against transformers' numbers, alone, together and while clients go away. */
class EngineGoldenTest {
    static final List<String> CHECKPOINTS = Golden.CHECKPOINTS;
    private static CpuDevice device;

    @BeforeAll
    static void open() {
        device = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
    }

    @AfterAll
    static void close() {
        device.close();
    }

    /** A checkpoint being served. */
    private record Served(Checkpoint checkpoint, Tokenizer tokenizer, Engine engine) implements AutoCloseable {
        static Served of(String name, EngineSettings settings) {
            Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(name));
            Tokenizer tokenizer = Tokenizer.load(checkpoint.directory());
            KvPool pool = new KvPool(settings.kvBytes());
            Runner runner = device.runner(name, checkpoint, WeightType.FP32, pool, settings.maxBatchTokens());
            Engine engine = Engine.start(
                    settings,
                    pool,
                    List.of(new EngineModel(name, runner, tokenizer.vocabulary())),
                    new SimpleMeterRegistry());
            return new Served(checkpoint, tokenizer, engine);
        }

        Layout layout() {
            return Layout.identity(checkpoint.config().layers());
        }

        @Override
        public void close() {
            engine.close();
            tokenizer.close();
            checkpoint.close();
        }
    }

    @ParameterizedTest
    @FieldSource("CHECKPOINTS")
    void everyGoldenPromptGivesTransformersLogProbabilitiesAndGreedyTokens(String name) {
        try (Served served = Served.of(name, new EngineSettings(8, 100, 48, 1L << 28))) {
            for (Golden.Prompt prompt : Golden.prompts(name)) {
                StopRules stop = new StopRules(prompt.greedy().length, 0, List.of(), Set.of(), true, false);
                Recorder recorder = new Recorder();
                served.engine()
                        .submit(
                                new SequenceRequest(
                                        name,
                                        served.layout(),
                                        prompt.ids(),
                                        Sampling.GREEDY,
                                        stop,
                                        new Scores(1, true, true),
                                        true),
                                recorder);
                recorder.finished();
                for (int i = 1; i < prompt.ids().length; i++) {
                    assertThat((double) recorder.promptScores().get(i - 1).logprob())
                            .as("%s, %s, position %d", name, prompt.name(), i)
                            .isCloseTo(prompt.logprobs()[i], within(1e-3));
                }
                assertThat(recorder.tokens()).as("%s, %s", name, prompt.name()).isEqualTo(prompt.greedy());
                for (int i = 0; i < prompt.greedy().length; i++) {
                    TokenScore score = recorder.scores().get(i);
                    assertThat((double) score.logprob()).isCloseTo(prompt.greedyLogprobs()[i], within(1e-3));
                    assertThat(score.rank()).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void sixtyFourRequestsAtOnceGiveWhatTheyGiveOneByOneAndKvReturnsToZero() {
        List<SequenceRequest> requests = new ArrayList<>();
        List<Recorder> alone = new ArrayList<>();
        try (Served served = Served.of("slayer-tiny", new EngineSettings(64, 100, 256, 1L << 30))) {
            Random random = new Random(5);
            List<Golden.Prompt> prompts = Golden.prompts("slayer-tiny");
            for (int i = 0; i < 64; i++) {
                int[] ids = prompts.get(i % prompts.size()).ids();
                int[] cut = Arrays.copyOf(ids, 1 + random.nextInt(ids.length));
                requests.add(new SequenceRequest(
                        "slayer-tiny",
                        served.layout(),
                        cut,
                        Sampling.GREEDY,
                        new StopRules(1 + random.nextInt(24), 0, List.of(), Set.of(), true, false),
                        new Scores(2, true, true),
                        true));
            }
            for (SequenceRequest request : requests) {
                Recorder recorder = new Recorder();
                served.engine().submit(request, recorder);
                recorder.finished();
                alone.add(recorder);
            }
            List<Recorder> together = new ArrayList<>();
            for (SequenceRequest request : requests) {
                Recorder recorder = new Recorder();
                served.engine().submit(request, recorder);
                together.add(recorder);
            }
            for (int i = 0; i < requests.size(); i++) {
                assertThat(together.get(i).text())
                        .as("request %d", i)
                        .isEqualTo(alone.get(i).text());
                assertThat(together.get(i).tokens()).isEqualTo(alone.get(i).tokens());
                assertScores(together.get(i).scores(), alone.get(i).scores());
                assertScores(together.get(i).promptScores(), alone.get(i).promptScores());
            }
            awaitNoKv(served.engine());
        }
    }

    private static void assertScores(List<TokenScore> actual, List<TokenScore> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i).logprob()).isCloseTo(expected.get(i).logprob(), within(1e-4f));
        }
    }

    @Test
    void kvReturnsToZeroAfterTwoHundredRequestsOfWhichHalfAreCancelledMidway() {
        try (Served served = Served.of("slayer-tiny", new EngineSettings(16, 300, 128, 1L << 26))) {
            List<Recorder> recorders = new ArrayList<>();
            List<Engine.Ticket> tickets = new ArrayList<>();
            int[] prompt = Golden.prompts("slayer-tiny").getFirst().ids();
            for (int i = 0; i < 200; i++) {
                Recorder recorder = new Recorder();
                StopRules stop = new StopRules(40, 0, List.of(), Set.of(), true, false);
                tickets.add(served.engine()
                        .submit(
                                new SequenceRequest(
                                        "slayer-tiny",
                                        served.layout(),
                                        prompt,
                                        Sampling.GREEDY,
                                        stop,
                                        Scores.NONE,
                                        true),
                                recorder));
                recorders.add(recorder);
            }
            for (int i = 0; i < 200; i += 2) {
                if (i % 4 == 0) {
                    recorders.get(i).awaitToken();
                }
                tickets.get(i).cancel();
            }
            String text = recorders.get(1).text();
            for (int i = 1; i < 200; i += 2) {
                assertThat(recorders.get(i).text()).isEqualTo(text);
                assertThat(recorders.get(i).finished().reason()).isEqualTo(FinishReason.LENGTH);
            }
            for (int i = 0; i < 200; i += 2) {
                recorders.get(i).finished();
            }
            awaitNoKv(served.engine());
        }
    }

    private static void awaitNoKv(Engine engine) {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (engine.status().kvBytesUsed() > 0 || engine.status().running() > 0) {
            assertThat(System.nanoTime()).as("still busy: %s", engine.status()).isLessThan(deadline);
            Thread.onSpinWait();
        }
    }
}
