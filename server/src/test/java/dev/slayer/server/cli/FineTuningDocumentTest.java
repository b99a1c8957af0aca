package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The requests of docs/fine-tuning.md, one after the other, get the answers that it shows. */
@Timeout(300)
class FineTuningDocumentTest {
    private static final Pattern DATA = Pattern.compile("```jsonl\n(.*?)```", Pattern.DOTALL);
    private static final Pattern STEP = Pattern.compile(
            "```console\n\\$ curl (-X DELETE )?'?http://127\\.0\\.0\\.1:8000([^' \n]+)'?(?: -d '([^']*)'|( -F [^\n]+))?\n```\n"
                    + "```json\n(.*?)```",
            Pattern.DOTALL);
    private static final String REST = "…";

    /** What texts that end in an ellipsis stand for. */
    private final Map<String, String> meant = new TreeMap<>();

    @Test
    void everyRequestGetsTheAnswerThatIsShown(@TempDir Path folder) throws Exception {
        String document = Files.readString(Golden.root().resolve("docs/fine-tuning.md"));
        Matcher data = DATA.matcher(document);
        assertThat(data.find()).isTrue();
        int steps = 0;
        try (TrainingServer server = new TrainingServer(new Server()
                .start(ServerTest.settings(List.of(new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"))))
                        .with(
                                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                                new FolderSettings(
                                        Optional.of(folder),
                                        true,
                                        List.of(),
                                        Optional.empty(),
                                        Optional.of(folder.resolve("deltas"))))))) {
            for (Matcher step = STEP.matcher(document); step.find(); steps++) {
                JsonNode shown = TrainingServer.JSON.readTree(step.group(5));
                boolean asks = step.group(1) == null && step.group(3) == null && step.group(4) == null;
                JsonNode answer = ask(server, step, data.group(1));
                while (asks && !fits(answer, shown)) { // the test's time limit ends this
                    LockSupport.parkNanos(20_000_000);
                    answer = ask(server, step, data.group(1));
                }
                assertThat(fits(answer, shown)).as(step.group(2) + " " + answer).isTrue();
            }
        }
        assertThat(steps).isEqualTo(8);
    }

    private JsonNode ask(TrainingServer server, Matcher step, String data) {
        if (step.group(4) != null) {
            return server.upload(
                            new TrainingServer.Part("purpose", "", "fine-tune"),
                            new TrainingServer.Part("file", "foxes.jsonl", data))
                    .ok();
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(server.url().resolve(written(step.group(2))));
        if (step.group(1) != null) {
            request.DELETE();
        } else if (step.group(3) != null) {
            request.POST(HttpRequest.BodyPublishers.ofString(written(step.group(3))));
        }
        return server.send(request).ok();
    }

    private String written(String text) {
        String whole = text;
        for (Map.Entry<String, String> entry : meant.entrySet()) {
            whole = whole.replace(entry.getKey(), entry.getValue());
        }
        return whole;
    }

    /** What is shown is there; arrays may go on. */
    private boolean fits(JsonNode actual, JsonNode shown) {
        if (actual == null) {
            return false;
        }
        if (shown.isObject()) {
            return shown.properties().stream().allMatch(field -> fits(actual.get(field.getKey()), field.getValue()));
        }
        if (shown.isArray()) {
            boolean all = actual.size() >= shown.size();
            for (int i = 0; i < shown.size() && all; i++) {
                all = fits(actual.get(i), shown.get(i));
            }
            return all;
        }
        String text = shown.asText();
        if (text.endsWith(REST)) {
            String kind = text.substring(0, text.lastIndexOf('-') + 1);
            return actual.asText().startsWith(kind)
                    && meant.computeIfAbsent(text, _ -> actual.asText()).equals(actual.asText());
        }
        return actual.equals(shown);
    }
}
