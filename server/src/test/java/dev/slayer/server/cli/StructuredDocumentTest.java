package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The requests of docs/structured.md get the answers that it shows. */
class StructuredDocumentTest {
    @Test
    void everyRequestGetsTheAnswerThatIsShown() throws Exception {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        try (RunningServer server = new Server().start(ServerTest.settings(List.of(model)))) {
            assertThat(ShownRequests.run("docs/structured.md", server.url())).isEqualTo(6);
        }
    }
}
