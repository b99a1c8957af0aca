package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.settings.ExportSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExportCommandTest {
    @TempDir
    private Path folder;

    private CommandRun run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("export"));
        all.addAll(List.of(arguments));
        return CommandRun.of(new CannedServers(Duration.ZERO, 0), Map.of(), all.toArray(String[]::new));
    }

    private static String checkpoint(String name) {
        return Golden.checkpoint(name).toString();
    }

    @Test
    void anExportIsWrittenWithoutAServer() {
        Path target = folder.resolve("made");
        CommandRun run = run(
                checkpoint("random-llama2"),
                "0,avg(1:b:1),2",
                "--model",
                "b=" + checkpoint("random-llama2-b"),
                "--shard-size",
                "100kB",
                "--out",
                target.toString());
        assertThat(run.err()).contains("0,avg(1:b:1),2", "3 layers", "100 % of");
        assertThat(run.out().strip()).isEqualTo(target.toString());
        assertThat(run.code()).isZero();
        assertThat(target.resolve("model.safetensors.index.json")).exists();
        try (Checkpoint made = Checkpoint.open(target)) {
            assertThat(made.config().layers()).isEqualTo(3);
        }
    }

    @Test
    void sugarWorksAsBehindTheAtOfAModelName() {
        Path target = folder.resolve("made");
        CommandRun run = run(checkpoint("random-llama3"), "remove=1;insert=2:zero", "--out", target.toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(target.resolve("slayer-layout.json")).content().contains("0,2,zero(2),3", "random-llama3");
    }

    @Test
    void aDeltaIsMergedIntoItsBase() {
        Path target = folder.resolve("merged");
        String delta = GoldenDelta.of("mistral").folder().toString();
        CommandRun run = run(checkpoint("random-mistral"), "--delta", delta, "--out", target.toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.err()).contains("0,mistral:1-2,mistral:3*0.5,norm(mistral),head(mistral)", "4 layers");
        try (Checkpoint made = Checkpoint.open(target)) {
            assertThat(made.config().layers()).isEqualTo(4);
        }
        Path edited = folder.resolve("edited");
        run = run(checkpoint("random-mistral"), "remove=0", "--delta", "d=" + delta, "--out", edited.toString());
        assertThat(run.err()).contains("d:1-2,d:3*0.5,norm(d),head(d)");
        assertThat(run.code()).isZero();
    }

    @Test
    void aDeltaThatDoesNotFitIsRefused() {
        GoldenDelta delta = GoldenDelta.of("mistral");
        CommandRun run = run(
                checkpoint("random-llama2"),
                "--delta",
                delta.folder().toString(),
                "--out",
                folder.resolve("merged").toString());
        assertThat(run.code()).isNotZero();
        assertThat(run.err()).contains("delta.safetensors"); // the shapes differ already
        assertThat(run(
                                checkpoint("random-mistral"),
                                "--out",
                                folder.resolve("merged").toString())
                        .err())
                .contains("LAYOUT is missing");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void wrongUseIsASentenceAndLeavesNothing() {
        String base = checkpoint("random-llama2");
        String target = folder.resolve("made").toString();
        assertThat(run(base, "0-9", "--out", target).err()).contains("layer 9 does not exist", "0-2");
        assertThat(run(base, "other:1", "--out", target).err()).contains("other");
        assertThat(run(base, "0-1").err()).contains("--out");
        assertThat(run(base, "0-1").code()).isEqualTo(2);
        assertThat(run(base, "0-1", "--out", target, "--shard-size", "0B").err())
                .contains("--shard-size");
        assertThat(run(folder.resolve("none").toString(), "0-1", "--out", target)
                        .err())
                .contains("none");
        assertThat(run(base, "0-1", "--out", folder.resolve("no/made").toString())
                        .err())
                .contains("does not exist");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void helpNamesEveryOption() {
        String help = run("--help").out();
        for (Setting<?> setting : ExportSettings.ALL) {
            assertThat(help).contains(setting.option());
        }
        assertThat(help.lines()).allMatch(line -> line.length() <= 80);
    }
}
