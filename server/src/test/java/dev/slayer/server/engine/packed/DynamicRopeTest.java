package dev.slayer.server.engine.packed;

import static dev.slayer.server.engine.Logits.logprob;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.KvMemory;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.engine.Recorder;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.Scores;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.StopRules;
import dev.slayer.server.engine.block.CpuDevice;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.Device;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Dynamic scaling of positions begins beyond the context, so a checkpoint that has it is served like one without. */
class DynamicRopeTest {
    private static final String PLAIN = "random-llama2";
    private static final int CONTEXT = 128;
    private static final EngineSettings SETTINGS = new EngineSettings(2, 10, 64, 1L << 26);

    @TempDir
    Path directory;

    /** {@link #PLAIN} with dynamic scaling from {@link #CONTEXT} tokens on. */
    @BeforeEach
    void copy() throws IOException {
        try (var files = Files.list(Golden.checkpoint(PLAIN))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        ObjectMapper json = new ObjectMapper();
        Path file = directory.resolve("config.json");
        ObjectNode config = (ObjectNode) json.readTree(file.toFile());
        config.put("max_position_embeddings", CONTEXT);
        config.withObject("rope_parameters").put("rope_type", "dynamic").put("factor", 4);
        json.writeValue(file.toFile(), config);
    }

    private static int[] prompt(int tokens) {
        return new Random(5).ints(tokens, 3, 256).toArray();
    }

    private static float[][] logits(Device device, Checkpoint checkpoint, int[] ids) {
        Layout identity = Layout.identity(checkpoint.config().layers());
        try (KvMemory kv = device.kvMemory(1L << 28);
                Runner runner = device.runner("a", checkpoint, WeightType.FP32, kv, CONTEXT)) {
            return Logits.of(runner, identity, ids, CONTEXT);
        }
    }

    @Test
    void everyPositionOfTheContextIsThatOfACheckpointWithoutScaling() {
        int[] ids = prompt(CONTEXT);
        try (Checkpoint plain = Checkpoint.open(Golden.checkpoint(PLAIN));
                Checkpoint dynamic = Checkpoint.open(directory);
                Device cpu = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
                PackedRig rig = new PackedRig(PackedRig.options(0))) {
            float[][] expected = logits(cpu, plain, ids);
            float[][] onCpu = logits(cpu, dynamic, ids);
            float[][] packed = logits(rig.device, dynamic, ids);
            rig.check();
            for (int i = 1; i < CONTEXT; i++) {
                double wanted = logprob(expected[i - 1], ids[i]);
                assertThat(logprob(onCpu[i - 1], ids[i])).as("position %d", i).isCloseTo(wanted, within(1e-4));
                assertThat(logprob(packed[i - 1], ids[i])).as("position %d", i).isCloseTo(wanted, within(1e-4));
            }
        }
    }

    @Test
    void theContextIsFilledToItsLastTokenAndALongerRequestIsRefusedOnEitherDevice() {
        try (Device cpu = CpuDevice.open(2, DerivedBlocks.DEFAULTS);
                PackedRig rig = new PackedRig(PackedRig.options(0))) {
            assertThat(filled(rig.device)).hasSize(28).isEqualTo(filled(cpu));
            rig.check();
        }
    }

    /** Greedy tokens up to the context's end, behind which nothing may be asked for. */
    private int[] filled(Device device) {
        try (Checkpoint checkpoint = Checkpoint.open(directory);
                Tokenizer tokenizer = Tokenizer.load(directory)) {
            KvMemory kv = device.kvMemory(SETTINGS.kvBytes());
            Runner runner = device.runner("a", checkpoint, WeightType.FP32, kv, SETTINGS.maxBatchTokens());
            List<EngineModel> models = List.of(new EngineModel("a", runner, tokenizer.vocabulary()));
            try (Engine engine = Engine.start(SETTINGS, kv, models, new SimpleMeterRegistry())) {
                assertThatThrownBy(() -> engine.submit(request(checkpoint, 29), new Recorder()))
                        .isInstanceOfSatisfying(SlayerException.class, refused -> {
                            assertThat(refused.status()).isEqualTo(400);
                            assertThat(refused.code()).isEqualTo("context_length_exceeded");
                            assertThat(refused).hasMessageContaining("context is " + CONTEXT + " tokens");
                        });
                Recorder recorder = new Recorder();
                engine.submit(request(checkpoint, 28), recorder);
                recorder.finished();
                return recorder.tokens();
            }
        }
    }

    private static SequenceRequest request(Checkpoint checkpoint, int maxTokens) {
        return new SequenceRequest(
                "a",
                Layout.identity(checkpoint.config().layers()),
                Arrays.copyOf(prompt(CONTEXT), CONTEXT - 28),
                Sampling.GREEDY,
                new StopRules(maxTokens, 0, List.of(), Set.of(), true, true),
                Scores.NONE,
                true);
    }
}
