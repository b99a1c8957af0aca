package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.golden.Golden;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The requests of docs/embeddings.md get the answers that it shows. */
class EmbeddingsDocumentTest {
    @Test
    void everyRequestGetsTheAnswerThatIsShown() throws Exception {
        try (LiveServer server = new LiveServer(Map.of("slayer-tiny", Golden.checkpoint("slayer-tiny")))) {
            assertThat(ShownRequests.run("docs/embeddings.md", server.url())).isEqualTo(3);
        }
    }
}
