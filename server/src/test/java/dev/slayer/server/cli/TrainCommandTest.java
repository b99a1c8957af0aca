package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Namespace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class TrainCommandTest {
    @TempDir
    private Path folder;

    private CommandRun train(String... arguments) {
        List<String> all =
                new ArrayList<>(List.of("train", "--out", folder.resolve("runs").toString()));
        all.addAll(List.of(arguments));
        return CommandRun.of(new CannedServers(Duration.ZERO, 0), Map.of(), all.toArray(String[]::new));
    }

    private String recipe(String name, String method, String layout) throws IOException {
        Path file = folder.resolve(name + ".yaml");
        Path corpus = Golden.root().resolve("test-data/corpus");
        Files.writeString(file, """
                model: %s
                layout: "%s"
                method: %s
                data:
                  sources: [%s]
                  validation: ["prose=%s"]
                  validation_tokens: 256
                  length: 64
                optimizer: {batch: 4, learning_rate: 0.001}
                run: {steps: 3, threads: 1}
                """.formatted(
                        Golden.checkpoint("slayer-tiny"),
                        layout,
                        method,
                        corpus.resolve("statutes.jsonl"),
                        corpus.resolve("prose.jsonl")));
        return file.toString();
    }

    @Test
    void aRecipeBecomesADeltaOfItsBase() throws IOException {
        CommandRun run = train(recipe("one", "{name: expand}", "preset=slayer"));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err())
                .contains("2,016,768 of 6,063,168 parameters are trained, 3 steps", "step 3: validation prose");
        Path delta = folder.resolve("runs/one/delta");
        assertThat(run.out().strip()).isEqualTo(delta.toString());
        try (Checkpoint base = Checkpoint.open(Golden.checkpoint("slayer-tiny"));
                Delta opened = Delta.open(delta, base.config(), Namespace.BASE_ONLY)) {
            opened.requireBase(base);
            assertThat(opened.layout().text()).isEqualTo("0-1,avg(1:2),2-3,avg(3:4),4-5,avg(5:6),6-8,avg(10:11)");
            assertThat(opened.info().provenance().baseName()).isEqualTo("slayer-tiny");
        }
    }

    @Test
    void severalRecipesAreCompared() throws IOException {
        CommandRun run = train(recipe("a", "{name: lora, rank: 2}", ""), recipe("b", "{name: adapters, size: 4}", ""));
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("| run | trained | tokens | s/step | peak MiB | loss: prose | change |")
                .containsPattern("\\| a \\| [\\d,]+ \\| 768 \\| [\\d.]+ \\| [\\d,]+ \\| \\d\\.\\d{4} \\| [+-]")
                .containsPattern("\\| b \\| [\\d,]+ \\| 768 \\| ");
    }

    @Test
    void aFinishedRunIsNotMadeAgain() throws IOException {
        String recipe = recipe("one", "{name: lora, rank: 2}", "");
        assertThat(train(recipe).code()).isZero();
        CommandRun again = train(recipe);
        assertThat(again.code()).as(again.err()).isZero();
        assertThat(again.err())
                .contains("going on with step 4")
                .doesNotContain("step 1: loss")
                .doesNotContain("validation");
    }

    @Test
    void aFinishedRunStandsInTheTableWithWhatItCameTo() throws IOException {
        String recipe = recipe("a", "{name: lora, rank: 2}", "");
        assertThat(train(recipe).code()).isZero();
        CommandRun both = train(recipe, recipe("b", "{name: adapters, size: 4}", ""));
        assertThat(both.code()).as(both.err()).isZero();
        assertThat(both.out())
                .containsPattern("\\| a \\| [\\d,]+ \\| 768 \\| [\\d.]+ \\| - \\| \\d\\.\\d{4} \\| [+-]\\d")
                .doesNotContain("NaN");
    }

    @Test
    void stepsAreTimedWithoutTraining() throws IOException {
        CommandRun run = train(
                recipe("a", "{name: full}", ""), recipe("b", "{name: expand}", "preset=slayer"), "--time-steps", "2");
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .containsPattern("\\| a \\| 5,657,280 of 5,657,280 \\| [\\d.]+ \\| [\\d,]+ \\| 1.000 \\|")
                .containsPattern("\\| b \\| 2,016,768 of 6,063,168 \\|");
        assertThat(folder.resolve("runs")).doesNotExist();
    }

    @Test
    void anotherDeviceThanTheRecipesIsTakenAndOneThatIsNotThereSaid() throws IOException {
        String recipe = recipe("one", "{name: lora, rank: 2}", "");
        CommandRun narrow = train(recipe, "--device", "cpu", "--precision", "bfloat16");
        assertThat(narrow.code()).as(narrow.err()).isZero();
        CommandRun other = train(recipe, "--device", "cuda:63");
        assertThat(other.code()).isEqualTo(1);
        assertThat(other.err())
                .contains("device=cuda:63", "or train with device=cpu")
                .doesNotContain("\tat ");
        assertThat(train(recipe, "--device", "tpu").err()).contains("cpu, cuda, cuda:N");
    }

    @Test
    void whatIsWrongIsSaidInOneLine() throws IOException {
        assertThat(train(folder.resolve("none.yaml").toString()).err()).contains("none.yaml", "cannot be read");
        CommandRun run = train(recipe("one", "{name: expand}", ""));
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).contains("comes from no strategy", "0-11").doesNotContain("\tat ");
    }
}
