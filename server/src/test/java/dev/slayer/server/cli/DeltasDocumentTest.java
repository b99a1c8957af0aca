package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The requests and the command of docs/deltas.md get the answers that it shows. */
class DeltasDocumentTest {
    @Test
    void everyRequestGetsTheAnswerThatIsShown() throws Exception {
        Path deltas = Golden.root().resolve("test-data/deltas");
        try (RunningServer server = new Server()
                .start(ServerTest.settings(
                                List.of(new ModelSource("random-mistral", Golden.checkpoint("random-mistral"))))
                        .with(
                                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                                new FolderSettings(
                                        Optional.empty(), false, List.of(), Optional.empty(), Optional.of(deltas))))) {
            assertThat(ShownRequests.run("docs/deltas.md", server.url())).isEqualTo(9);
        }
    }

    @Test
    void theCommandIsOneThatRuns(@TempDir Path temporary) throws Exception {
        String document = Files.readString(Golden.root().resolve("docs/deltas.md"));
        assertThat(document)
                .contains("./slayer export test-data/random-mistral --delta test-data/deltas/mistral --out merged");
        CommandRun run = CommandRun.of(
                new CannedServers(Duration.ZERO, 0),
                Map.of(),
                "export",
                Golden.checkpoint("random-mistral").toString(),
                "--delta",
                GoldenDelta.of("mistral").folder().toString(),
                "--out",
                temporary.resolve("merged").toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(temporary.resolve("merged/config.json")).exists();
    }
}
