package dev.slayer.server.cli;

import static dev.slayer.server.cli.LiveServer.body;
import static dev.slayer.server.cli.LiveServer.echo;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.api.OpenAiClient;
import dev.slayer.server.golden.Golden;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Checks 6, 8 and 9 of the acceptance list, over the whole server; the others are in {@link AcceptanceTest}. */
@Timeout(600)
class AcceptanceWireTest {
    private static final String PROMPT = "Q: 17+25=? A:";
    private static LiveServer server;

    @BeforeAll
    static void start() {
        Map<String, Path> models = new LinkedHashMap<>();
        models.put("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        models.put("org/llama", Golden.checkpoint("random-llama2"));
        models.put("7", Golden.checkpoint("random-llama3"));
        server = new LiveServer(models);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    /** What lm-evaluation-harness sends to have text generated. */
    private static ObjectNode generation(String model, List<String> stop) {
        ObjectNode body = body().put("model", model)
                .put("max_tokens", 16)
                .put("temperature", 0.0)
                .put("seed", 1234)
                .put("ignore_eos", true);
        body.set("stop", LiveServer.JSON.valueToTree(stop));
        return body.set("prompt", LiveServer.JSON.valueToTree(new Object[] {server.tokenize(model, PROMPT, true)}));
    }

    private static JsonNode generated(String model, List<String> stop) {
        return server.ask("/v1/completions", generation(model, stop)).at("/choices/0");
    }

    @Test
    void check6AStopStringAcrossTokensCutsWhereItBeginsAndIsNotShown() {
        String whole = generated("slayer-tiny", List.of()).get("text").asText();
        assertThat(whole).startsWith(" 42\nQ:");
        for (int length = 1; length <= 7; length++) {
            for (int from = 0; from + length <= 14; from++) {
                String stop = whole.substring(from, from + length);
                JsonNode choice = generated("slayer-tiny", List.of(stop));
                assertThat(choice.get("text").asText())
                        .as("stop '%s'", stop)
                        .isEqualTo(whole.substring(0, whole.indexOf(stop)));
                assertThat(choice.get("finish_reason").asText()).isEqualTo("stop");
            }
        }
    }

    @Test
    void check6SixStopsOrNoneAreTakenAndLeadingSpacesStay() {
        String whole = generated("slayer-tiny", List.of()).get("text").asText();
        assertThat(generated("slayer-tiny", List.of()).get("finish_reason").asText())
                .isEqualTo("length");
        List<String> six = List.of("\nclass", "\ndef", "\n#", "\nif", "\nprint", "\nQ");
        JsonNode choice = generated("slayer-tiny", six);
        assertThat(choice.get("text").asText()).isEqualTo(" 42").isEqualTo(whole.substring(0, 3));
        assertThat(choice.get("stop_reason").asText()).isEqualTo("\nQ");
        // A Llama-2 style tokenizer decoding the answer alone would drop its first space.
        ObjectNode words = body().put("model", "org/llama")
                .put("prompt", "The")
                .put("max_tokens", 1)
                .put("temperature", 0)
                .put("add_special_tokens", true);
        int spaced = server.tokenize("org/llama", "The module", false)[1];
        words.putObject("logit_bias").put(Integer.toString(spaced), 100);
        assertThat(server.ask("/v1/completions", words).at("/choices/0/text").asText())
                .startsWith(" ");
    }

    /** The prompt's scores alone, which are the same floats each time. */
    private static ObjectNode scored(String model) {
        return echo(model, PROMPT).put("max_tokens", 0);
    }

    @Test
    void check8AVariantInThePathIsThatOfTheFieldForEveryRouteOfAModel() {
        ObjectNode request = scored("slayer-tiny@remove=3");
        JsonNode byField = server.ask("/v1/completions", request).get("choices");
        ObjectNode foreign = scored("what the harness calls the run");
        for (String path : List.of("/m/slayer-tiny@remove=3", "/m/slayer-tiny%40remove%3D3")) {
            assertThat(server.ask(path + "/v1/completions", foreign).get("choices"))
                    .as(path)
                    .isEqualTo(byField);
            JsonNode tokens = server.ask(
                            path + "/tokenize", body().put("prompt", PROMPT).put("add_special_tokens", false))
                    .get("tokens");
            assertThat(LiveServer.ints(tokens)).isEqualTo(server.tokenize("slayer-tiny", PROMPT, false));
            JsonNode info = LiveServer.json(server.get(path + "/tokenizer_info"));
            assertThat(info.get("eos_token").asText()).isEqualTo("</s>");
        }
        assertThat(server.ask("/v1/completions", scored("slayer-tiny")).get("choices"))
                .isNotEqualTo(byField);
    }

    @Test
    void check8AnEscapedSlashIsPartOfAName() {
        JsonNode byField =
                server.ask("/v1/completions", scored("org/llama@remove=1")).get("choices");
        assertThat(server.ask("/m/org%2Fllama@remove=1/v1/completions", scored(""))
                        .get("choices"))
                .isEqualTo(byField);
        assertThat(LiveServer.json(server.get("/v1/models/org%2Fllama"))
                        .get("id")
                        .asText())
                .isEqualTo("org/llama");
    }

    @Test
    void check8AnEmptyBearerTokenUnknownFieldsAndANumberAsTheModelAreTaken() {
        ObjectNode request = scored("7");
        JsonNode expected = server.ask("/v1/completions", request).get("choices");
        ObjectNode odd = request.deepCopy()
                .put("model", 7)
                .put("max_gen_toks", 256)
                .put("do_sample", false)
                .put("no_such_field", "x");
        odd.putNull("stop");
        odd.putObject("metadata").put("run", 1);
        HttpResponse<String> answer = server.post(
                "/v1/completions", odd.toString(), "Authorization", "Bearer ", "x-stainless-lang", "python");
        JsonNode body = LiveServer.json(answer);
        assertThat(body.get("choices")).isEqualTo(expected);
        assertThat(body.get("model").asText()).isEqualTo("7");
    }

    /**
     * Models, completions and chat with streams and include_usage, scores. The list's embeddings, files and fine-tuning are not part
     * of it: this server has no such routes yet.
     */
    @Test
    void check9TheOpenAiPythonClientIsContent() throws Exception {
        OpenAiClient.Result result = OpenAiClient.check(Map.of("SLAYER_BASE_URL", server.url() + "/v1"));
        assertThat(result.exitCode()).as(result.output()).isZero();
        assertThat(result.output())
                .contains("ok       models are listed and retrieved")
                .contains("ok       completion streams what it answers whole")
                .contains("ok       chat streams what it answers whole")
                .contains("ok       continuations are scored");
    }
}
