package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The requests of docs/variants.md, one after the other, get the answers that it shows. */
class VariantsDocumentTest {
    @Test
    void everyRequestGetsTheAnswerThatIsShown(@TempDir Path temporary) throws Exception {
        try (RunningServer server = new Server()
                .start(ServerTest.settings(List.of(new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"))))
                        .with(
                                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                                new FolderSettings(
                                        Optional.of(temporary.resolve("data")),
                                        true,
                                        List.of(Golden.root().resolve("test-data")),
                                        Optional.of(temporary.resolve("exports")),
                                        Optional.of(temporary.resolve("deltas")))))) {
            assertThat(ShownRequests.run("docs/variants.md", server.url())).isEqualTo(13);
        }
    }
}
