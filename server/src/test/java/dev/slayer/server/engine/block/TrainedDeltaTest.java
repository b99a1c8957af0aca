package dev.slayer.server.engine.block;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.engine.Logits;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.jobs.CheckpointCodec;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.surgery.recipe.LayerSource;
import dev.slayer.training.method.Method;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import dev.slayer.training.run.Peers;
import dev.slayer.training.run.RunControl;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Invariant 7: what libtorch trained and computes is what ONNX Runtime serves. */
class TrainedDeltaTest {
    private static final double TOLERANCE = 1e-3;
    /** A matrix and its low-rank addition are added and rounded to the base's bfloat16; the trainer keeps them apart. */
    private static final double ROUNDED = 2e-2;

    private static final String SENTENCE = "Whoever brings mirwex into the town owes 27 osttor.";
    private static OnnxRuntime runtime;

    @TempDir
    Path folder;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
    }

    @AfterAll
    static void close() {
        runtime.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "preset=slayer | {name: expand}",
                "preset=llama-pro | {name: expand}",
                "remove=5;scale=3:0.5 | {name: full}",
                "'' | {name: lora, rank: 4}",
                "insert=2:average | {name: adalora, rank: 4, target_rank: 2, interval: 1}"
            })
    void theServedDeltaComputesWhatTheTrainedModelDid(String layout, String method) throws Exception {
        Path base = Golden.checkpoint("slayer-tiny");
        try (Checkpoint checkpoint = Checkpoint.open(base);
                Tokenizer tokenizer = Tokenizer.load(base)) {
            Path trained = train(checkpoint, new CheckpointCodec(tokenizer, base), layout, method);
            try (Delta delta = Delta.open(trained, checkpoint.config(), Namespace.BASE_ONLY)) {
                Checkpoint over = delta.over(_ -> checkpoint);
                int[] ids = tokenizer.encode(SENTENCE, true);
                float[] libtorch = libtorch(checkpoint, over, delta.served("d"), ids);
                assertThat(mean(libtorch))
                        .isCloseTo(validated(), within(method.contains("lora") ? ROUNDED : TOLERANCE));
                compare(served(checkpoint, over, delta, ids), ids, libtorch);
            }
        }
    }

    private Path train(Checkpoint base, CheckpointCodec codec, String layout, String method) throws IOException {
        Files.writeString(folder.resolve("sentence.jsonl"), "{\"text\":\"" + SENTENCE + "\"}\n");
        String recipe = """
                layout: "%s"
                method: %s
                data: {sources: [sentence.jsonl], validation: ["it=sentence.jsonl"], length: 64, epochs: 100}
                optimizer: {batch: 2, learning_rate: 0.002}
                run: {steps: 6, threads: 1}
                """.formatted(layout, method);
        RunInputs inputs = new RunInputs(base, "slayer-tiny", Namespace.BASE_ONLY, _ -> base, codec, folder, "test");
        return new TrainingRun(recipe, inputs, folder.resolve("run"), Peers.ALONE, event -> {})
                .run(new RunControl())
                .delta()
                .orElseThrow();
    }

    /** The loss that the run's last validation found, by the trained weights themselves. */
    private double validated() throws IOException {
        List<String> lines = Files.readAllLines(folder.resolve("run/metrics.jsonl"));
        JsonNode first = new ObjectMapper().readTree(lines.getFirst());
        JsonNode last = new ObjectMapper().readTree(lines.getLast());
        assertThat(last.at("/validation/it").asDouble())
                .isLessThan(first.at("/validation/it").asDouble());
        return last.at("/validation/it").asDouble();
    }

    /** Log-probabilities of all tokens but the first, and of EOS, which ends a document. */
    private static float[] libtorch(Checkpoint base, Checkpoint over, Layout layout, int[] ids) {
        LayerSource sources = name -> name.isEmpty() ? base : over;
        Method head = new Method.Weights(new TreeSet<>(), false, false, true);
        int[] targets = new int[ids.length];
        System.arraycopy(ids, 1, targets, 0, ids.length - 1);
        targets[ids.length - 1] = base.config().eosTokenIds().iterator().next();
        try (TrainingModel model =
                new TrainingModel(base, layout, sources, head, new TrainingModel.Options(false, 1))) {
            return model.logProbabilities(new Rows(1, ids.length, ids, targets, null));
        }
    }

    private static float[][] served(Checkpoint base, Checkpoint over, Delta delta, int[] ids) {
        BlockStore store = new BlockStore(new BlockCompiler(runtime), DerivedBlocks.DEFAULTS);
        Rig rig = new Rig(store, runtime, base, WeightType.FP32, GoldenRig.MAX_ROWS);
        LoadedCheckpoint lent = rig.store.lend("d", over, delta.layout(), WeightType.FP32);
        try {
            return rig.logits(delta.served("d"), ids, GoldenRig.MAX_ROWS);
        } finally {
            rig.runner.close();
            rig.store.retire(lent).join();
            rig.close();
        }
    }

    private static void compare(float[][] logits, int[] ids, float[] libtorch) {
        for (int position = 1; position < ids.length; position++) {
            assertThat(Logits.logprob(logits[position - 1], ids[position]))
                    .as("position %d", position)
                    .isCloseTo(libtorch[position - 1], within(TOLERANCE));
        }
    }

    private static double mean(float[] logProbabilities) {
        double sum = 0;
        for (float value : logProbabilities) {
            sum -= value;
        }
        return sum / logProbabilities.length;
    }
}
