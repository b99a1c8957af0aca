package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The requests of docs/variants.md, one after the other, get the answers that it shows. */
class VariantsDocumentTest {
    private static final Pattern STEP = Pattern.compile(
            "```console\n\\$ curl (-X DELETE )?'?http://127\\.0\\.0\\.1:8000([^' \n]+)'?(?: -d '([^']*)')?\n```\n"
                    + "```json\n(.*?)```",
            Pattern.DOTALL);

    @Test
    void everyRequestGetsTheAnswerThatIsShown(@TempDir Path temporary) throws Exception {
        Matcher step = STEP.matcher(Files.readString(Golden.root().resolve("docs/variants.md")));
        ObjectMapper json = new ObjectMapper();
        int steps = 0;
        try (RunningServer server = new Server()
                        .start(ServerTest.settings(
                                        List.of(new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"))))
                                .with(
                                        new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                                        new FolderSettings(
                                                Optional.of(temporary.resolve("data")),
                                                true,
                                                List.of(Golden.root().resolve("test-data")),
                                                Optional.of(temporary.resolve("exports")))));
                HttpClient http = HttpClient.newHttpClient()) {
            for (; step.find(); steps++) {
                HttpRequest.Builder request =
                        HttpRequest.newBuilder(server.url().resolve(step.group(2)));
                if (step.group(1) != null) {
                    request.DELETE();
                } else if (step.group(3) != null) {
                    request.POST(HttpRequest.BodyPublishers.ofString(step.group(3)));
                }
                HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
                assertContains(step.group(2), json.readTree(response.body()), json.readTree(step.group(4)));
            }
        }
        assertThat(steps).isEqualTo(13);
    }

    /** What is shown is there; arrays may go on. */
    private static void assertContains(String where, JsonNode actual, JsonNode shown) {
        assertThat(actual).as(where).isNotNull();
        if (shown.isObject()) {
            shown.properties()
                    .forEach(field -> assertContains(
                            where + " " + field.getKey() + " of " + actual,
                            actual.get(field.getKey()),
                            field.getValue()));
        } else if (shown.isArray()) {
            for (int i = 0; i < shown.size(); i++) {
                assertContains(where + "[" + i + "]", actual.get(i), shown.get(i));
            }
        } else {
            assertThat(actual).as(where).isEqualTo(shown);
        }
    }
}
