package dev.slayer.server.engine.packed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.server.accelerator.DeviceMemory;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Pooling;
import dev.slayer.server.engine.Recorder;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceEvent;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.Device;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The same engine on either device: scheduler, prefix cache, mixed layouts and draws give what they give on the CPU. */
class PackedEngineTest {
    private static final String MODEL = "slayer-tiny";
    private static final EngineSettings SETTINGS = new EngineSettings(6, 200, 64, 1L << 26, 1L << 26);
    private static final List<String> LAYOUTS =
            List.of("0-11", "0-4,6-11", "0-5,5-11", "0-5,avg(5:6),6-11", "0-4,5-attn,6-11", "0-10,11*0.5");

    /** A checkpoint served on a device. */
    private record Served(Checkpoint checkpoint, Tokenizer tokenizer, Engine engine) implements AutoCloseable {
        static Served on(Device device) {
            Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(MODEL));
            Tokenizer tokenizer = Tokenizer.load(checkpoint.directory());
            KvMemory kv = device.kvMemory(SETTINGS.kvBytes());
            Runner runner = device.runner(MODEL, checkpoint, WeightType.FP32, kv, SETTINGS.maxBatchTokens());
            List<EngineModel> models = List.of(new EngineModel(MODEL, runner, tokenizer.vocabulary()));
            return new Served(checkpoint, tokenizer, Engine.start(SETTINGS, kv, models, new SimpleMeterRegistry()));
        }

        List<Recorder> all(List<SequenceRequest> requests) {
            List<Recorder> recorders = new ArrayList<>();
            for (SequenceRequest request : requests) {
                Recorder recorder = new Recorder();
                engine.submit(request, recorder);
                recorders.add(recorder);
            }
            recorders.forEach(Recorder::finished);
            return recorders;
        }

        void awaitNoKv() {
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            while (engine.status().kvBytesUsed() > 0 || engine.status().running() > 0) {
                assertThat(System.nanoTime())
                        .as("still busy: %s", engine.status())
                        .isLessThan(deadline);
                Thread.onSpinWait();
            }
        }

        @Override
        public void close() {
            engine.close();
            tokenizer.close();
            checkpoint.close();
        }
    }

    private static Sampling sampling(int i) {
        return i % 3 == 0
                ? Sampling.GREEDY
                : new Sampling(0.5 + 0.25 * (i % 4), 1, 0, 0, 1, 0, 0, Map.of(), OptionalLong.of(1000 + i));
    }

    private static List<SequenceRequest> requests() {
        List<SequenceRequest> requests = new ArrayList<>();
        Random random = new Random(11);
        List<Golden.Prompt> prompts = Golden.prompts(MODEL);
        try (Checkpoint checkpoint = Checkpoint.open(Golden.checkpoint(MODEL))) {
            for (int i = 0; i < 48; i++) {
                int[] ids = prompts.get(i % prompts.size()).ids();
                requests.add(new SequenceRequest(
                        MODEL,
                        Layout.parse(LAYOUTS.get(i % LAYOUTS.size()), checkpoint.config(), Namespace.BASE_ONLY),
                        Arrays.copyOf(ids, 1 + random.nextInt(ids.length)),
                        sampling(i),
                        new StopRules(1 + random.nextInt(16), 0, List.of(), Set.of(), true, false),
                        i % 2 == 0 ? new Scores(3, true, true) : i % 5 == 0 ? Scores.NONE : new Scores(0, false, true),
                        true));
            }
        }
        return requests;
    }

    @Test
    void fortyEightMixedRequestsAtOnceGiveWhatTheCpuGivesTokenForToken() {
        List<SequenceRequest> requests = requests();
        List<Recorder> expected;
        try (Device cpu = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
                Served served = Served.on(cpu)) {
            expected = served.all(requests);
        }
        try (PackedRig rig = new PackedRig(PackedRig.options(2));
                Served served = Served.on(rig.device)) {
            for (int round = 0; round < 2; round++) { // the second from the prefix cache
                List<Recorder> actual = served.all(requests);
                for (int i = 0; i < requests.size(); i++) {
                    String what = "request " + i + " in round " + round + ", "
                            + requests.get(i).layout().text();
                    assertThat(actual.get(i).tokens())
                            .as(what)
                            .isEqualTo(expected.get(i).tokens());
                    assertThat(actual.get(i).text())
                            .as(what)
                            .isEqualTo(expected.get(i).text());
                    assertScores(what, actual.get(i).scores(), expected.get(i).scores());
                    if (requests.get(i).scores().prompt()) {
                        assertScores(
                                what,
                                actual.get(i).promptScores(),
                                expected.get(i).promptScores());
                    }
                }
                served.awaitNoKv();
            }
            rig.check();
        }
    }

    @Test
    void embeddingsOfEveryLayoutAreTheCpus() {
        List<SequenceRequest> requests = requests().stream()
                .limit(12)
                .map(request -> SequenceRequest.pooled(MODEL, request.layout(), request.prompt(), Pooling.MEAN))
                .toList();
        List<Recorder> expected;
        try (Device cpu = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
                Served served = Served.on(cpu)) {
            expected = served.all(requests);
        }
        try (PackedRig rig = new PackedRig(PackedRig.options(0));
                Served served = Served.on(rig.device)) {
            List<Recorder> actual = served.all(requests);
            for (int i = 0; i < requests.size(); i++) {
                float[] vector = actual.get(i).pooled();
                float[] wanted = expected.get(i).pooled();
                assertThat(vector).hasSameSizeAs(wanted);
                for (int j = 0; j < vector.length; j++) {
                    assertThat(vector[j]).as("request %d, number %d", i, j).isCloseTo(wanted[j], within(1e-4f));
                }
            }
            rig.check();
        }
    }

    @Test
    void aDeviceWithoutMemoryRefusesWhoNeedsMoreAndAnswersTheOthers() {
        List<SequenceRequest> requests = requests();
        SequenceRequest plain = requests.get(3); // names no other tokens
        SequenceRequest naming = requests.get(2);
        try (PackedRig rig = new PackedRig(PackedRig.options(0));
                Served served = Served.on(rig.device)) {
            int[] expected = served.all(List.of(plain)).getFirst().tokens();
            SequenceRequest other = requests.get(9);
            try (DeviceMemory hog = rig.accelerator.allocate(rig.accelerator.freeBytes())) {
                assertThat(hog.bytes()).isPositive();
                assertThat(served.all(List.of(plain)).getFirst().tokens()).isEqualTo(expected);
                Recorder refused = new Recorder();
                served.engine().submit(naming, refused);
                assertThat(refused.await())
                        .isInstanceOfSatisfying(
                                SequenceEvent.Failed.class,
                                failed -> assertThat(failed.error().status()).isEqualTo(507));
                assertThat(served.all(List.of(other)).getFirst().tokens()).isNotEmpty();
            }
            assertThat(served.all(List.of(naming)).getFirst().tokens()).isNotEmpty();
            served.awaitNoKv();
        }
    }

    private static void assertScores(String what, List<TokenScore> actual, List<TokenScore> expected) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            assertThat(actual.get(i).token()).as(what).isEqualTo(expected.get(i).token());
            assertThat(actual.get(i).logprob())
                    .as(what)
                    .isCloseTo(expected.get(i).logprob(), within(1e-4f));
            assertThat(actual.get(i).topLogprobs())
                    .as(what)
                    .hasSameSizeAs(expected.get(i).topLogprobs());
        }
    }
}
