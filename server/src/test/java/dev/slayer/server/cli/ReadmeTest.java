package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The README's requests get the README's answers. */
class ReadmeTest {
    private static final Pattern REQUEST =
            Pattern.compile("curl http://127\\.0\\.0\\.1:8000(\\S+) [^{]*-d '(\\{.*?})'\n", Pattern.DOTALL);
    private static final Pattern ANSWER = Pattern.compile("<!-- answer -->\n```json\n(.*?)```", Pattern.DOTALL);

    @Test
    void theFirstRequestGetsTheAnswerThatIsShown() throws Exception {
        String readme = Files.readString(Golden.root().resolve("README.md"));
        Matcher request = REQUEST.matcher(readme);
        Matcher answer = ANSWER.matcher(readme);
        assertThat(request.find()).isTrue();
        assertThat(answer.find()).isTrue();
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        try (RunningServer server = new Server().start(ServerTest.settings(List.of(model)));
                HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> response = http.send(
                    HttpRequest.newBuilder(server.url().resolve(request.group(1)))
                            .header("Content-Type", "application/json")
                            .POST(HttpRequest.BodyPublishers.ofString(request.group(2)))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).isEqualTo(200);
            assertThat(comparable(response.body())).isEqualTo(comparable(answer.group(1)));
        }
    }

    @Test
    void theThreeWaysToNameAStackGetTheAnswersThatAreShown() throws Exception {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        try (RunningServer server = new Server().start(ServerTest.settings(List.of(model)))) {
            assertThat(ShownRequests.run("README.md", server.url())).isEqualTo(3);
        }
    }

    /** Without what differs from request to request. */
    private static JsonNode comparable(String json) throws Exception {
        ObjectNode node = (ObjectNode) new ObjectMapper().readTree(json);
        assertThat(node.remove(List.of("id", "created", "system_fingerprint")).size())
                .isPositive();
        return node;
    }
}
