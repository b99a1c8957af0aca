package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.golden.Golden;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The curl commands of a document, each followed by what of the answer is shown. */
final class ShownRequests {
    private static final Pattern STEP = Pattern.compile(
            "```console\n\\$ curl (-X DELETE )?'?http://127\\.0\\.0\\.1:8000([^' \n]+)'?(?: -d '([^']*)')?\n```\n"
                    + "```json\n(.*?)```",
            Pattern.DOTALL);

    private ShownRequests() {}

    /**
     * Makes the requests in their order against a server.
     *
     * @return how many there were
     */
    static int run(String document, URI server) throws Exception {
        Matcher step = STEP.matcher(Files.readString(Golden.root().resolve(document)));
        ObjectMapper json = new ObjectMapper();
        int steps = 0;
        try (HttpClient http = HttpClient.newHttpClient()) {
            for (; step.find(); steps++) {
                HttpRequest.Builder request = HttpRequest.newBuilder(server.resolve(step.group(2)));
                if (step.group(1) != null) {
                    request.DELETE();
                } else if (step.group(3) != null) {
                    request.POST(HttpRequest.BodyPublishers.ofString(step.group(3)));
                }
                HttpResponse<String> response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
                assertContains(step.group(2), json.readTree(response.body()), json.readTree(step.group(4)));
            }
        }
        return steps;
    }

    /** What is shown is there; arrays may go on, and fractions may be rounded. */
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
        } else if (shown.isDouble()) {
            assertThat(actual.doubleValue()).as(where).isCloseTo(shown.doubleValue(), within(1e-3));
        } else {
            assertThat(actual).as(where).isEqualTo(shown);
        }
    }
}
