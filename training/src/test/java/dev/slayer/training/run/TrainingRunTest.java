package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.data.ByteCodec;
import dev.slayer.training.golden.GoldenLayouts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs over the smallest checkpoint, on texts of bytes. */
class TrainingRunTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    @BeforeEach
    void writeData() throws IOException {
        StringBuilder foxes = new StringBuilder();
        StringBuilder birds = new StringBuilder();
        for (int i = 0; i < 60; i++) {
            foxes.append("{\"text\":\"the fox number %d runs over %d hills. \"}\n".formatted(i, i * 7));
            birds.append("{\"text\":\"a bird number %d flies under %d clouds. \"}\n".formatted(i, i * 5));
        }
        Files.writeString(folder.resolve("foxes.jsonl"), foxes);
        Files.writeString(folder.resolve("birds.jsonl"), birds);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{name: expand, slots: \"1\"}",
                "{name: full}",
                "{name: lora, rank: 4}",
                "{name: adalora, rank: 4, target_rank: 2, interval: 1}",
                "{name: adapters, size: 8}"
            })
    void everyMethodLearns(String method) throws IOException {
        TrainingRun.Outcome outcome = run("run", recipe(method, 24), new RunControl(), new ArrayList<>());
        assertThat(outcome.finished()).isTrue();
        assertThat(outcome.steps()).isEqualTo(24);
        List<JsonNode> validations =
                lines("run").stream().filter(line -> line.has("validation")).toList();
        assertThat(validations).hasSize(2);
        assertThat(validations.getLast().at("/validation/fox").asDouble())
                .isLessThan(validations.getFirst().at("/validation/fox").asDouble());
        double accuracy = validations.getLast().at("/validation_accuracy/fox").asDouble(-1);
        double before = validations.getFirst().at("/validation_accuracy/fox").asDouble(-1);
        assertThat(List.of(before, accuracy))
                .allSatisfy(share -> assertThat(share).isBetween(0.0, 1.0));
        assertThat(accuracy > before || !method.contains("full")).isTrue();
        assertThat(outcome.delta().isPresent()).isEqualTo(!method.contains("adapters"));
        assertThat(folder.resolve("run/losses.svg")).content().contains("<svg").endsWith("</svg>\n");
        assertThat(Files.exists(folder.resolve("run/ranks.svg"))).isEqualTo(method.contains("adalora"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{name: expand, slots: \"1\"}",
                "{name: adalora, rank: 4, target_rank: 2, interval: 1}",
                "{name: lora, rank: 4, dropout: 0.3}"
            })
    void aRunThatIsGoneOnWithMakesTheVerySteps(String method) throws IOException {
        String recipe = recipe(method, 12);
        run("whole", recipe, new RunControl(), new ArrayList<>());
        TrainingRun.Outcome stopped = runUntil("parts", recipe, 5);
        assertThat(stopped.finished()).isFalse();
        assertThat(stopped.steps()).isEqualTo(5);
        assertThat(run("parts", recipe, new RunControl(), new ArrayList<>()).finished())
                .isTrue();
        assertThat(losses("parts")).hasSize(12).isEqualTo(losses("whole"));
        assertThat(Files.readAllBytes(folder.resolve("parts/delta/delta.safetensors")))
                .isEqualTo(Files.readAllBytes(folder.resolve("whole/delta/delta.safetensors")));
    }

    @Test
    void aDamagedCheckpointIsPassedOverForAnOlderOneWithAWarning() throws IOException {
        String recipe = recipe("{name: expand, slots: \"1\"}", 12);
        run("whole", recipe, new RunControl(), new ArrayList<>());
        runUntil("parts", recipe, 7);
        Path newest = folder.resolve("parts/checkpoints/step-00000007/state.safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        bytes[bytes.length / 2] ^= 1;
        Files.write(newest, bytes, StandardOpenOption.TRUNCATE_EXISTING);
        List<RunEvent> events = new ArrayList<>();
        run("parts", recipe, new RunControl(), events);
        assertThat(events)
                .filteredOn(RunEvent.Warned.class::isInstance)
                .singleElement()
                .asString()
                .contains("step-00000007")
                .contains("checksum");
        assertThat(events)
                .filteredOn(RunEvent.Begun.class::isInstance)
                .singleElement()
                .extracting(event -> ((RunEvent.Begun) event).firstStep())
                .isEqualTo(5L);
        assertThat(losses("parts")).isEqualTo(losses("whole"));
    }

    @Test
    void aFinishedRunGivenAgainNeitherValidatesNorSavesAgain() throws IOException {
        String recipe = recipe("{name: expand, slots: \"1\"}", 3);
        TrainingRun.Outcome first = run("run", recipe, new RunControl(), new ArrayList<>());
        String record = Files.readString(folder.resolve("run/metrics.jsonl"));
        List<RunEvent> events = new ArrayList<>();
        TrainingRun.Outcome again = run("run", recipe, new RunControl(), events);
        assertThat(again).isEqualTo(first);
        assertThat(events).hasSize(2).first().isInstanceOf(RunEvent.Begun.class);
        assertThat(events.getLast()).isInstanceOf(RunEvent.Finished.class);
        assertThat(folder.resolve("run/metrics.jsonl")).hasContent(record);
    }

    @Test
    void aFinishedRunThatLostItsDeltaMakesItAgain() throws IOException {
        String recipe = recipe("{name: expand, slots: \"1\"}", 3);
        run("run", recipe, new RunControl(), new ArrayList<>());
        Path tensors = folder.resolve("run/delta/delta.safetensors");
        byte[] bytes = Files.readAllBytes(tensors);
        Files.delete(tensors);
        Files.delete(folder.resolve("run/delta/delta.json"));
        Files.delete(folder.resolve("run/delta"));
        run("run", recipe, new RunControl(), new ArrayList<>());
        assertThat(Files.readAllBytes(tensors)).isEqualTo(bytes);
    }

    @Test
    void aHeadThatIsTheEmbeddingIsLeftOutWithAWarning() {
        String recipe = recipe("{name: expand}", 1);
        assertThat(warnings("random-llama3", "layout: \"preset=llama-pro;groups=1\"\n" + recipe))
                .singleElement()
                .asString()
                .contains("tie_word_embeddings");
        assertThat(warnings(
                        "random-llama3",
                        "layout: \"preset=llama-pro;groups=1\"\n"
                                + recipe.replace("{name: expand}", "{name: expand, head: false}")))
                .isEmpty();
        assertThat(warnings("random-llama2", "layout: \"preset=llama-pro;groups=1\"\n" + recipe))
                .isEmpty();
    }

    private List<RunEvent> warnings(String checkpoint, String recipe) {
        List<RunEvent> events = new ArrayList<>();
        try (Checkpoint base = GoldenLayouts.open(checkpoint)) {
            RunInputs inputs = new RunInputs(
                    base, checkpoint, Namespace.BASE_ONLY, _ -> base, new ByteCodec(false), folder, "test");
            Path run = folder.resolve("run-" + recipe.hashCode() + checkpoint);
            var _ = new TrainingRun(recipe, inputs, run, Peers.ALONE, events::add).run(new RunControl());
        }
        return events.stream().filter(RunEvent.Warned.class::isInstance).toList();
    }

    @Test
    void whereNoCheckpointIsWholeTheRunIsRefused() throws IOException {
        String recipe = recipe("{name: expand, slots: \"1\"}", 2);
        run("run", recipe, new RunControl(), new ArrayList<>());
        Path state = folder.resolve("run/checkpoints/step-00000002/state.json");
        Files.writeString(state, "{\"step\":");
        assertThatThrownBy(() -> run("run", recipe, new RunControl(), new ArrayList<>()))
                .isInstanceOfSatisfying(SlayerException.class, refused -> {
                    assertThat(refused.code()).isEqualTo("checkpoint_damaged");
                    assertThat(refused.getMessage()).contains("state.json");
                });
    }

    @Test
    void aFolderOfAnotherRecipeIsRefused() throws IOException {
        run("run", recipe("{name: expand, slots: \"1\"}", 2), new RunControl(), new ArrayList<>());
        assertThatThrownBy(() ->
                        run("run", recipe("{name: expand, slots: \"2\"}", 2), new RunControl(), new ArrayList<>()))
                .isInstanceOfSatisfying(
                        SlayerException.class,
                        refused -> assertThat(refused.code()).isEqualTo("another_run"));
    }

    @Test
    void aLossThatIsNoNumberEndsTheRunAndSavesItsBatch() throws IOException {
        String recipe = recipe("{name: full}", 12).replace("learning_rate: 0.003", "learning_rate: 1.0e+30");
        assertThatThrownBy(() -> run("run", recipe, new RunControl(), new ArrayList<>()))
                .isInstanceOfSatisfying(
                        SlayerException.class,
                        refused -> assertThat(refused.code()).isEqualTo("loss_not_finite"));
        JsonNode batch = JSON.readTree(folder.resolve("run/refused-batch.json").toFile());
        assertThat(batch.get("tokens").size()).isEqualTo(4 * 48);
        assertThat(batch.get("step").asLong()).isGreaterThan(1);
    }

    @Test
    void theDeltaHoldsWhatWasTrainedAndWhereItComesFrom() throws IOException {
        TrainingRun.Outcome outcome =
                run("run", recipe("{name: expand, slots: \"1\", head: true}", 3), new RunControl(), new ArrayList<>());
        try (Checkpoint base = GoldenLayouts.open("random-llama2");
                Delta delta = Delta.open(outcome.delta().orElseThrow(), base.config(), Namespace.BASE_ONLY)) {
            assertThat(delta.names()).hasSize(10).contains("lm_head.weight", "model.layers.1.mlp.up_proj.weight");
            assertThat(delta.info().provenance().steps()).isEqualTo(3);
            assertThat(delta.info().provenance().recipe()).contains("slots: \"1\"");
            delta.requireBase(base);
        }
    }

    private TrainingRun.Outcome runUntil(String name, String recipe, int lastStep) {
        RunControl control = new RunControl();
        return run(name, recipe, control, new ArrayList<>() {
            @Override
            public boolean add(RunEvent event) {
                if (event instanceof RunEvent.Stepped step && step.step() == lastStep) {
                    control.stop();
                }
                return super.add(event);
            }
        });
    }

    private TrainingRun.Outcome run(String name, String recipe, RunControl control, List<RunEvent> events) {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            RunInputs inputs = new RunInputs(
                    base, "random-llama2", Namespace.BASE_ONLY, _ -> base, new ByteCodec(false), folder, "test");
            return new TrainingRun(recipe, inputs, folder.resolve(name), Peers.ALONE, events::add).run(control);
        }
    }

    private List<JsonNode> lines(String run) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(run).resolve("metrics.jsonl"))) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    private List<Double> losses(String run) throws IOException {
        return lines(run).stream()
                .filter(line -> line.has("loss"))
                .map(line -> line.get("loss").asDouble())
                .toList();
    }

    private static String recipe(String method, int steps) {
        return """
                method: %s
                data:
                  sources: [foxes.jsonl]
                  validation: ["fox=foxes.jsonl", "bird=birds.jsonl"]
                  length: 48
                  epochs: 100
                optimizer:
                  batch: 4
                  micro_batch: 3
                  learning_rate: 0.003
                run:
                  steps: %d
                  checkpoint_every: 4
                  threads: 1
                """.formatted(method, steps);
    }
}
