package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.SequenceRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The three ways to name an edited model: query string, model field, path. The stub's checkpoints have layers 0 to 7. */
class VariantNamesTest {
    private static final String COMPLETIONS = "/v1/completions";
    private static TestServer server;

    @BeforeAll
    static void start() {
        server = TestServer.with(StubEngine.saying("x"));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            /v1/completions                                    |                            | tiny      | 0-7                 | tiny
            /v1/completions?remove=6,7                         |                            | tiny      | 0-5                 | tiny@remove=6,7
            /v1/completions?remove=6%2C7                       | tiny                       | tiny      | 0-5                 | tiny@remove=6,7
            /v1/completions?remove=6+7                         | tiny                       | tiny      | 0-5                 | tiny@remove=6 7
            /v1/completions?remove=6%2B7                       | org/other                  | org/other | 0-5                 | org/other@remove=6+7
            /v1/completions?layers=0-5,2-7                     | tiny                       | tiny      | 0-5,2-7             | tiny@layers=0-5,2-7
            /v1/completions?remove=7&skip=attn:2               | tiny                       | tiny      | 0-1,2-attn,3-6      | tiny@remove=7;skip=attn:2
            /v1/completions?Remove=7                           | tiny                       | tiny      | 0-6                 | tiny@remove=7
            /v1/completions?api-version=1&remove=7             | tiny                       | tiny      | 0-6                 | tiny@remove=7
            /v1/completions                                    | tiny@remove=6,7            | tiny      | 0-5                 | tiny@remove=6,7
            /v1/completions                                    | tiny@remove=7;skip=attn:2  | tiny      | 0-1,2-attn,3-6      | tiny@remove=7;skip=attn:2
            /v1/completions                                    | tiny@0-3                   | tiny      | 0-3                 | tiny@0-3
            /v1/completions                                    | @0-3                       | tiny      | 0-3                 | tiny@0-3
            /v1/completions                                    | org/other@avg(0:1)         | org/other | avg(0:1)            | org/other@avg(0:1)
            /v1/completions?remove=0                           | tiny@0-3                   | tiny      | 1-3                 | tiny@1-3
            /m/tiny@remove=6,7/v1/completions                  | whatever                   | tiny      | 0-5                 | tiny@remove=6,7
            /m/tiny%40remove%3D6%2C7/v1/completions            | whatever                   | tiny      | 0-5                 | tiny@remove=6,7
            /m/tiny@remove=7;skip=attn:2/v1/completions        |                            | tiny      | 0-1,2-attn,3-6      | tiny@remove=7;skip=attn:2
            /m/org%2Fother@0-3/v1/completions                  |                            | org/other | 0-3                 | org/other@0-3
            /m/@0-3/v1/completions                             |                            | tiny      | 0-3                 | tiny@0-3
            /m/tiny/v1/completions?insert=5:average            | org/other                  | tiny      | 0-5,avg(5:6),6-7    | tiny@insert=5:average
            /m/tiny@0-3/v1/completions?remove=0                | org/other                  | tiny      | 1-3                 | tiny@1-3
            /m/tiny@0-3,tiny:4/v1/completions                  |                            | tiny      | 0-4                 | tiny@0-3,tiny:4
            """)
    void eachWayReachesTheEngineAndIsEchoed(
            String path, String model, String checkpoint, String layout, String echoed) {
        String body = model == null ? "{\"prompt\":\"a\"}" : "{\"prompt\":\"a\",\"model\":\"" + model + "\"}";
        HttpResponse<String> response = server.post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        SequenceRequest seen = server.engine.seen().getLast();
        assertThat(seen.model()).isEqualTo(checkpoint);
        assertThat(seen.layout().text()).isEqualTo(layout);
        assertThat(TestServer.json(response).get("model").asText()).isEqualTo(echoed);
        assertThat(response.headers().firstValue("x-slayer-layout")).hasValue(layout);
    }

    @Test
    void chatsAndStreamsTakeThemToo() {
        String messages = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]";
        server.ask("/m/tiny@0-3/v1/chat/completions?remove=0", "{" + messages + "}");
        assertThat(server.engine.seen().getLast().layout().text()).isEqualTo("1-3");
        List<JsonNode> chunks =
                server.stream("/v1/chat/completions", "{\"stream\":true,\"model\":\"tiny@0-3\"," + messages + "}");
        assertThat(chunks)
                .allSatisfy(chunk -> assertThat(chunk.get("model").asText()).isEqualTo("tiny@0-3"));
        assertThat(server.engine.seen().getLast().layout().text()).isEqualTo("0-3");
    }

    @Test
    void tokenizerEndpointsTakeThemAndRefuseWhatIsWrong() {
        for (String model : List.of("tiny@0-3", "org%2Fother@remove=0")) {
            String prefix = "/m/" + model;
            assertThat(server.ask(prefix + "/tokenize?remove=3", "{\"prompt\":\"a\",\"add_special_tokens\":false}")
                            .get("tokens"))
                    .hasSize(1);
            assertThat(server.ask(prefix + "/detokenize", "{\"tokens\":[97]}")
                            .get("prompt")
                            .asText())
                    .isEqualTo("a");
            assertThat(server.get(prefix + "/tokenizer_info").statusCode()).isEqualTo(200);
        }
        for (String path : List.of("/m/tiny@0-8/tokenize", "/m/tiny/tokenize?remove=8", "/tokenize?remove=8")) {
            assertRefused(server.post(path, "{\"prompt\":\"a\"}"), 400, "8");
        }
        assertRefused(server.get("/m/tiny@0-8/tokenizer_info"), 400, "8");
        assertRefused(server.get("/tokenizer_info?remove=8"), 400, "8");
        assertRefused(server.post("/detokenize", "{\"tokens\":[97],\"model\":\"tiny@0-8\"}"), 400, "8");
    }

    @Test
    void anUnknownNameIsA404AndALayoutThatCannotBeIsA400WithTheTextAndTheRange() {
        assertRefused(complete("gpt@remove=3", ""), 404, "'gpt' does not exist");
        assertRefused(complete("tiny@remove=8", ""), 400, "8");
        assertRefused(complete("tiny@remove=8", ""), 400, "0-7");
        assertRefused(complete("tiny@", ""), 400, "empty");
        assertRefused(complete("tiny@remove=0-7", ""), 400, "");
        assertRefused(complete("tiny@remove=1;remove=2", ""), 400, "twice");
        assertRefused(complete("tiny", "?remove=1&remove=2"), 400, "2 times");
        assertRefused(complete("tiny", "?remove="), 400, "empty");
        assertRefused(complete("tiny@0-3@0-1", ""), 400, "");
        assertRefused(complete("tiny@other:3", ""), 400, "other");
        for (String path : List.of("/tokenizer_info?remove=%zz", "/m/tiny@%zz/tokenizer_info", "/v1/models/tiny@%f")) {
            String response = server.raw("GET " + path + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            assertThat(response).as(path).startsWith("HTTP/1.1 400 ").contains("\"error\":{");
        }
    }

    @Test
    void aStackOfFiveThousandSlotsIsRefusedByTheLimitThatTheMessageNames() {
        String layers = "0-7,".repeat(625);
        assertRefused(complete("tiny@" + layers.substring(0, layers.length() - 1), ""), 400, "1024");
        assertRefused(complete("tiny", "?layers=" + layers.substring(0, layers.length() - 1)), 400, "1024");
    }

    @Test
    void anEditBehindAThousandOtherParametersIsNotLost() {
        assertRefused(complete("tiny", "?" + "a&".repeat(1100) + "remove=7"), 400, "1000 parameters");
    }

    @Test
    void aLongEditIsCutInRepliesAndHeaders() {
        String layers = "0-7,".repeat(120) + "0";
        HttpResponse<String> response =
                complete("tiny@" + layers.replace("-", " - ").replace(" ", ""), "");
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(TestServer.json(response).get("model").asText())
                .startsWith("tiny@0-7,0-7")
                .hasSizeLessThan(300);
        HttpResponse<String> longer = complete("tiny@" + "7,".repeat(700) + "7", "");
        assertThat(longer.headers().firstValue("x-slayer-layout").orElseThrow()).hasSizeLessThan(1100);
    }

    @Test
    void fingerprintsTellLayoutsAndCheckpointsApart() {
        String base = fingerprint("tiny");
        assertThat(fingerprint("tiny@0-7")).isEqualTo(base);
        assertThat(fingerprint("tiny@remove=7"))
                .isEqualTo(fingerprint("tiny@0-6"))
                .isNotEqualTo(base);
        assertThat(fingerprint("org/other")).isNotEqualTo(base);
    }

    @Test
    void modelsAreDescribedByAnyOfTheirNames() {
        for (String path :
                List.of("/v1/models/tiny@remove=7", "/v1/models/tiny?remove=7", "/v1/models/tiny%40remove%3D7")) {
            JsonNode model = TestServer.json(server.get(path));
            assertThat(model.get("id").asText()).isEqualTo("tiny@remove=7");
            assertThat(model.get("parent").asText()).isEqualTo("tiny");
            assertThat(model.get("root").asText()).isEqualTo("tiny");
            assertThat(model.get("max_model_len").asInt()).isEqualTo(4096);
        }
        JsonNode list = TestServer.json(server.get("/m/tiny@remove=7/v1/models"));
        assertThat(list.get("data").findValuesAsText("id")).containsExactly("tiny@remove=7");
        assertRefused(server.get("/v1/models/tiny@8"), 400, "0-7");
    }

    @Test
    void editsAreCountedAsTheirModelInMetrics() {
        server.ask(COMPLETIONS + "?remove=2", "{\"prompt\":\"a\"}");
        assertThat(server.get("/metrics").body())
                .contains("model_name=\"tiny\"")
                .doesNotContain("remove");
    }

    private static String fingerprint(String model) {
        return TestServer.json(complete(model, "")).get("system_fingerprint").asText();
    }

    private static HttpResponse<String> complete(String model, String query) {
        return server.post(COMPLETIONS + query, "{\"prompt\":\"a\",\"model\":\"" + model + "\"}");
    }

    private static void assertRefused(HttpResponse<String> response, int status, String message) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(TestServer.json(response).at("/error/message").asText()).contains(message);
    }
}
