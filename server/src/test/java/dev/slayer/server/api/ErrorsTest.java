package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.layout.Layout;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ErrorsTest {
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
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {}                                            | prompt              | prompt is missing
            {"prompt":null}                               | prompt              | prompt is missing
            {"prompt":7}                                  | prompt              | prompt is 7
            {"prompt":{}}                                 | prompt              | prompt is an object
            {"prompt":[]}                                 | prompt              | prompt is empty
            {"prompt":[[]]}                               | prompt[0]           | prompt[0] is empty
            {"prompt":["a",["b"]]}                        | prompt[1][0]        | token id from 0 to 261
            {"prompt":[[1],2]}                            | prompt[1]           | prompt[1] is 2
            {"prompt":[1,262]}                            | prompt[1]           | prompt[1] is 262
            {"prompt":[1,-1]}                             | prompt[1]           | prompt[1] is -1
            {"prompt":"\\ud800"}                          | prompt              | half a surrogate pair
            {"prompt":"a","max_tokens":"5"}               | max_tokens          | the string '5'
            {"prompt":"a","max_tokens":1.5}               | max_tokens          | an integer is needed
            {"prompt":"a","max_tokens":-1}                | max_tokens          | allowed: 0 or more
            {"prompt":"a","max_tokens":99999999999}       | max_tokens          | out of range
            {"prompt":"a","temperature":3}                | temperature         | 0.0 to 2.0
            {"prompt":"a","temperature":1e999}            | temperature         | a number is needed
            {"prompt":"a","top_p":0}                      | top_p               | over 0 to 1
            {"prompt":"a","n":0}                          | n                   | 1 to 128
            {"prompt":"a","n":100}                        | n                   | allowed: 64 answers
            {"prompt":"a","stream":"yes"}                 | stream              | true or false
            {"prompt":"a","stop":5}                       | stop                | an array is needed
            {"prompt":"a","stop":[""]}                    | stop                | empty string
            {"prompt":"a","stop":["a",1]}                 | stop[1]             | a string is needed
            {"prompt":"a","logprobs":21}                  | logprobs            | 0 to 20
            {"prompt":"a","logit_bias":{"x":1}}           | logit_bias[x]       | token ids from 0 to 261
            {"prompt":"a","logit_bias":{"5":"b"}}         | logit_bias[5]       | a number is needed
            {"prompt":"a","logit_bias":{"5":101}}         | logit_bias[5]       | -100.0 to 100.0
            {"prompt":"a","seed":1.5}                     | seed                | an integer
            {"prompt":"a","best_of":2}                    | best_of             | not supported
            {"prompt":"a","suffix":"b"}                   | suffix              | not supported
            {"prompt":"a","response_format":{"type":"grammar"}} | response_format.type | allowed: text, json_object, json_schema
            {"prompt":"a","response_format":{}}           | response_format.type | is missing
            {"prompt":"a","response_format":{"type":"json_schema"}} | response_format.json_schema | needs a name and a schema
            {"prompt":"a","response_format":{"type":"json_schema","json_schema":{"schema":{}}}} | response_format.json_schema.name | is missing
            {"prompt":"a","response_format":{"type":"json_schema","json_schema":{"name":"x","strict":"yes","schema":{}}}} | response_format.json_schema.strict | true or false
            {"prompt":"a","response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"integer","multipleOf":2}}}} | response_format.json_schema.schema | the keyword 'multipleOf' at #
            {"prompt":"a","guided_choice":["a"],"guided_regex":"b"} | guided_regex | guided_choice and guided_regex both say
            {"prompt":"a","guided_json":{},"response_format":{"type":"json_object"}} | guided_json | both say
            {"prompt":"a","guided_choice":"a"}            | guided_choice       | an array is needed
            {"prompt":"a","guided_choice":["a",5]}        | guided_choice[1]    | a string is needed
            {"prompt":"a","guided_choice":[]}             | guided_choice       | allowed: 1 to 10000
            {"prompt":"a","guided_regex":"(a{1000}){1000}"} | guided_regex      | more than 10000 states
            {"prompt":"a","guided_regex":"(?=a)b"}        | guided_regex        | not supported
            {"prompt":"a","guided_json":"{"}              | guided_json         | not valid JSON
            {"prompt":"a","guided_grammar":"x"}           | guided_grammar      | not supported
            {"prompt":"a","structured_outputs":{}}        | structured_outputs  | is empty
            {"prompt":"a","structured_outputs":{"grammar":"x"}} | structured_outputs.grammar | not supported
            {"prompt":"a","structured_outputs":{"regex":"a","choice":["a"]}} | structured_outputs.choice | both say
            {"prompt":"a","stream_options":{}}            | stream_options      | stream=true
            {"prompt":"a","stream":true,"prompt_logprobs":1} | prompt_logprobs  | cannot be streamed
            {"prompt":"a","min_tokens":17}                | min_tokens          | 0 to max_tokens=16
            {"prompt":"a","truncate_prompt_tokens":0}     | truncate_prompt_tokens | leaves no prompt
            """)
    void refusesCompletionsByName(String body, String param, String message) {
        assertRefused("/v1/completions", body, param, message);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
            {}                                                         | messages               | messages is missing
            {"messages":"hi"}                                          | messages               | an array is needed
            {"messages":["hi"]}                                        | messages[0]            | an object is needed
            {"messages":[{"content":"a"}]}                             | messages[0].role       | is missing
            {"messages":[{"role":"king","content":"a"}]}               | messages[0].role       | 'king' is unknown
            {"messages":[{"role":"user"}]}                             | messages[0].content    | is missing
            {"messages":[{"role":"user","content":"a"},{"role":"user","content":5}]} | messages[1].content | a string is needed
            {"messages":[{"role":"user","content":[{"type":"image_url"}]}]} | messages[0].content[0].type | only text parts
            {"messages":[{"role":"user","content":"a"}],"top_logprobs":2} | top_logprobs        | needs logprobs=true
            {"messages":[{"role":"user","content":"a"}],"logprobs":5}  | logprobs               | true or false
            {"messages":[{"role":"user","content":"a"}],"tool_choice":"required"} | tool_choice | allowed: none, auto
            {"messages":[{"role":"user","content":"a"}],"modalities":["audio"]} | modalities[0] | allowed: text
            {"messages":[{"role":"user","content":"a"}],"echo":true}   | echo                   | /v1/completions
            {"messages":[{"role":"user","content":"\\udc00"}]}         | messages[0].content    | half a surrogate
            """)
    void refusesChatsByPath(String body, String param, String message) {
        assertRefused("/v1/chat/completions", body, param, message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {"''", "{", "[1]", "{\"prompt\":\"a\"} x", "{\"prompt\":\"a\",}", "nonsense"})
    void refusesWhatIsNoJsonObject(String body) {
        HttpResponse<String> response = server.post("/v1/completions", body);
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(TestServer.json(response).at("/error/code").asText()).isEqualTo("invalid_json");
    }

    @Test
    void refusesDeepNestingAndInvalidUtf8() {
        String deep = "{\"prompt\":" + "[".repeat(50_000) + "]".repeat(50_000) + "}";
        assertThat(server.post("/v1/completions", deep).statusCode()).isEqualTo(400);
        byte[] latin1 = "{\"prompt\":\"caf\u00e9!\"}".getBytes(StandardCharsets.ISO_8859_1);
        HttpResponse<String> response =
                server.send(server.request("/v1/completions").POST(HttpRequest.BodyPublishers.ofByteArray(latin1)));
        assertThat(response.statusCode()).isEqualTo(400);
    }

    @Test
    void messagesKeepTheirCharacters() {
        HttpResponse<String> response =
                server.post("/v1/completions", "{\"prompt\":\"a\",\"temperature\":\"héiß 🌡\"}");
        assertThat(TestServer.json(response).at("/error/message").asText()).contains("héiß 🌡");
    }

    @Test
    void unknownRoutesAndWrongMethodsAreOpenAiErrors() {
        assertError(server.get("/v2/nothing"), 404, "not_found");
        assertError(server.get("/v1/completions"), 405, "method_not_allowed");
        assertError(server.post("/v1/models", "{}"), 405, "method_not_allowed");
    }

    @Test
    void malformedUrlsAreOpenAiErrors() {
        String response = server.raw("GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assertThat(response).startsWith("HTTP/1.1 400 ").contains("\"code\":\"bad_request\"");
        String long16k = server.raw("GET /" + "a".repeat(20_000) + " HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        assertThat(long16k).contains(" 414 ").contains("\"error\":{");
    }

    @Test
    void aDefectIsA500WithTheRequestId() {
        ServedModel model = new ServedModel(
                "broken", Instant.EPOCH, StubEngine.CONFIG, Layout.identity(2), new BrokenTokenizer(), 100);
        try (TestServer broken = TestServer.with(StubEngine.saying("x"), settings -> settings.models.add(model))) {
            HttpResponse<String> response = broken.post(
                    "/v1/completions", "{\"model\":\"broken\",\"prompt\":\"a\"}", "x-request-id", "my-id-7");
            assertError(response, 500, "internal_error");
            assertThat(response.body()).contains("my-id-7").doesNotContain("NullPointer");
        }
    }

    @Test
    void theEnginesRefusalKeepsItsStatus() {
        SlayerException full = new SlayerException(429, "rate_limit_exceeded", null, "The queue is full.", null);
        try (TestServer busy = TestServer.with(StubEngine.saying("x").refusing(0, full))) {
            HttpResponse<String> response = busy.post("/v1/completions", "{\"prompt\":\"a\"}");
            assertError(response, 429, "rate_limit_exceeded");
            assertThat(response.headers().firstValue("retry-after")).hasValue("1");
        }
    }

    @Test
    void requestIdsAreEchoedWhenDecentAndMadeOtherwise() {
        assertThat(server.get("/health", "x-request-id", "abc-1").headers().firstValue("x-request-id"))
                .hasValue("abc-1");
        assertThat(server.get("/health", "x-request-id", "<script>").headers().firstValue("x-request-id"))
                .hasValueSatisfying(id -> assertThat(id).matches("[0-9a-f]{32}"));
        assertThat(server.get("/health", "x-request-id", "a".repeat(200))
                        .headers()
                        .firstValue("x-request-id"))
                .hasValueSatisfying(id -> assertThat(id).matches("[0-9a-f]{32}"));
    }

    private static void assertRefused(String path, String body, String param, String message) {
        HttpResponse<String> response = server.post(path, body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = TestServer.json(response).get("error");
        assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.get("param").asText()).isEqualTo(param);
        assertThat(error.get("message").asText()).contains(message);
    }

    private static void assertError(HttpResponse<String> response, int status, String code) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
        assertThat(TestServer.json(response).at("/error/code").asText()).isEqualTo(code);
    }

    @Test
    void aRequestWithoutAHostIsTheClientsFault() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            String response = server.raw("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n");
            assertThat(response).startsWith("HTTP/1.1 400").contains("\"code\":\"bad_request\"");
        }
    }

    @Test
    void aBodyThatIsNoUtf8IsA400() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            for (String bytes : List.of("\u00c0\u00af", "\u00ff", "\u00ed\u00a0\u0080", "\u00f5\u0080\u0080\u0080")) {
                byte[] body = ("{\"prompt\":\"" + bytes + "\"}").getBytes(StandardCharsets.ISO_8859_1);
                HttpResponse<String> response = server.send(
                        server.request("/v1/completions").POST(HttpRequest.BodyPublishers.ofByteArray(body)));
                assertThat(response.statusCode()).isEqualTo(400);
                assertThat(TestServer.json(response).at("/error/message").asText())
                        .contains("UTF-8");
            }
            byte[] utf16 = "{\"prompt\":\"a\"}".getBytes(StandardCharsets.UTF_16);
            assertThat(server.send(server.request("/v1/completions")
                                    .POST(HttpRequest.BodyPublishers.ofByteArray(utf16)))
                            .statusCode())
                    .isEqualTo(400);
        }
    }

    @Test
    void aMessageAboutBadJsonTellsWhatIsWrongAndNothingOfTheParser() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            HttpResponse<String> response = server.post("/v1/completions", "{\"prompt\":\"a\",\"temperature\":NaN}");
            assertThat(TestServer.json(response).at("/error/message").asText())
                    .contains("Non-standard token 'NaN'")
                    .doesNotContain("JsonReadFeature");
        }
    }
}
