package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.InputFormat;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Constrained answers of slayer-tiny over HTTP: the base and a variant, greedy and drawn, whole and streamed. */
class StructuredOutputTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> MODELS = List.of("slayer-tiny", "slayer-tiny@remove=3;insert=5:average");
    private static final String SCHEMA = """
            {"type":"object","properties":{
              "name":{"type":"string","maxLength":10},
              "kind":{"enum":["cat","dog"]},
              "legs":{"type":"integer","minimum":2,"maximum":40},
              "parts":{"type":"array","items":{"type":["boolean","null"]},"maxItems":3}},
             "required":["name","kind","legs"],"additionalProperties":false}""";

    private static RunningServer server;
    private static HttpClient http;

    @BeforeAll
    static void start() {
        server = new Server()
                .start(ServerTest.settings(List.of(new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny")))));
        http = HttpClient.newHttpClient();
    }

    @AfterAll
    static void stop() {
        http.close();
        server.close();
    }

    private static String post(String path, JsonNode body) throws Exception {
        HttpResponse<String> response = http.send(
                HttpRequest.newBuilder(server.url().resolve(path))
                        .POST(HttpRequest.BodyPublishers.ofString(body.toString()))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }

    private static ObjectNode completion(String constraint) throws Exception {
        ObjectNode body = (ObjectNode) JSON.readTree(constraint);
        body.put("prompt", "Tell me about it:").put("max_tokens", 300).put("temperature", 0);
        return body;
    }

    private static JsonNode choice(ObjectNode body) throws Exception {
        return JSON.readTree(post("/v1/completions", body)).at("/choices/0");
    }

    private static String streamed(String path, ObjectNode body) throws Exception {
        StringBuilder text = new StringBuilder();
        for (String event : post(path, body.deepCopy().put("stream", true)).split("\n\n")) {
            if (!event.endsWith("[DONE]")) {
                JsonNode choice =
                        JSON.readTree(event.substring("data: ".length())).at("/choices/0");
                text.append(choice.path("text").asText())
                        .append(choice.at("/delta/content").asText(""));
            }
        }
        return text.toString();
    }

    /** Asks in every way; the answers must pass the check. */
    private static void inEveryWay(String constraint, Consumer<String> check) throws Exception {
        for (String model : MODELS) {
            for (int temperature : new int[] {0, 1}) {
                ObjectNode body = completion(constraint)
                        .put("model", model)
                        .put("temperature", temperature)
                        .put("seed", 11);
                JsonNode whole = choice(body);
                assertThat(whole.get("finish_reason").asText())
                        .as(whole.toString())
                        .isEqualTo("stop");
                check.accept(whole.get("text").asText());
                assertThat(streamed("/v1/completions", body))
                        .isEqualTo(whole.get("text").asText());
                body.remove("prompt");
                body.putArray("messages").addObject().put("role", "user").put("content", "Who is it?");
                JsonNode chat =
                        JSON.readTree(post("/v1/chat/completions", body)).at("/choices/0");
                check.accept(chat.at("/message/content").asText());
                assertThat(streamed("/v1/chat/completions", body))
                        .isEqualTo(chat.at("/message/content").asText());
            }
        }
    }

    private static void assertValid(String json) {
        assertThat(SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
                        .getSchema(SCHEMA)
                        .validate(json, InputFormat.JSON))
                .as(json)
                .isEmpty();
    }

    private static void assertPrefixOfAnObject(String text) {
        assertThat(text.strip()).startsWith("{");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"animal\",\"strict\":true,\"schema\":%s}}}",
                "{\"guided_json\":%s}",
                "{\"structured_outputs\":{\"json\":%s}}"
            })
    void answersAreValidUnderASchema(String constraint) throws Exception {
        inEveryWay(constraint.formatted(SCHEMA), StructuredOutputTest::assertValid);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"guided_choice\":[\"red\",\"green\",\"blue\"]}",
                "{\"structured_outputs\":{\"choice\":[\"red\",\"green\",\"blue\"]}}"
            })
    void answersAreOneOfTheChoices(String constraint) throws Exception {
        inEveryWay(constraint, text -> assertThat(text).isIn("red", "green", "blue"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"guided_regex\":\"[A-Z][a-z]{2,8} é\\\\d{1,3}\"}",
                "{\"structured_outputs\":{\"regex\":\"[A-Z][a-z]{2,8} é\\\\d{1,3}\"}}"
            })
    void answersMatchThePattern(String constraint) throws Exception {
        inEveryWay(constraint, text -> assertThat(text).matches("[A-Z][a-z]{2,8} é\\d{1,3}"));
    }

    @Test
    void jsonModeWritesObjectsThatParseUnlessTheyAreCut() throws Exception {
        int parsed = 0;
        for (String model : MODELS) {
            for (int seed = 0; seed < 8; seed++) {
                ObjectNode body = completion("{\"response_format\":{\"type\":\"json_object\"}}")
                        .put("model", model)
                        .put("temperature", seed == 0 ? 0 : 1)
                        .put("seed", seed);
                JsonNode whole = choice(body);
                String text = whole.get("text").asText();
                assertThat(streamed("/v1/completions", body)).isEqualTo(text);
                assertPrefixOfAnObject(text);
                if (whole.get("finish_reason").asText().equals("stop")) {
                    assertThat(JSON.readTree(text).isObject()).as(text).isTrue();
                    parsed++;
                }
            }
        }
        assertThat(parsed).isPositive();
    }

    @Test
    void aCutAnswerEndsForItsLength() throws Exception {
        JsonNode forced = choice(completion("{\"guided_regex\":\"x{400}\"}").put("max_tokens", 3));
        assertThat(forced.get("finish_reason").asText()).isEqualTo("length");
        assertThat(forced.get("text").asText()).matches("x+");
    }

    @Test
    void otherFieldsGoOnToWork() throws Exception {
        ObjectNode several = completion("{\"guided_choice\":[\"red\",\"green\"]}")
                .put("n", 4)
                .put("temperature", 1);
        JsonNode answers = JSON.readTree(post("/v1/completions", several)).get("choices");
        assertThat(answers)
                .hasSize(4)
                .allSatisfy(answer -> assertThat(answer.get("text").asText()).isIn("red", "green"));
        JsonNode stopped =
                choice(completion("{\"guided_choice\":[\"red-blue\"]}").put("stop", "-"));
        assertThat(stopped.get("text").asText()).isEqualTo("red");
        assertThat(stopped.get("stop_reason").asText()).isEqualTo("-");
        JsonNode longer = choice(completion("{\"guided_regex\":\"a{1,20}\"}").put("min_tokens", 6));
        assertThat(longer.get("text").asText()).hasSizeGreaterThanOrEqualTo(6);
        JsonNode endless = choice(completion("{\"guided_choice\":[\"yes\"]}")
                .put("ignore_eos", true)
                .put("min_tokens", 50));
        assertThat(endless.get("finish_reason").asText()).isEqualTo("stop");
    }

    @Test
    void biasesDecideAmongWhatIsAllowed() throws Exception {
        for (String letter : List.of("a", "b", "c")) {
            ObjectNode tokens = JSON.createObjectNode().put("prompt", letter).put("add_special_tokens", false);
            int token = JSON.readTree(post("/tokenize", tokens))
                    .get("tokens")
                    .get(0)
                    .asInt();
            ObjectNode body = completion("{\"guided_regex\":\" ?[abc]\"}");
            body.putObject("logit_bias").put(Integer.toString(token), 100);
            assertThat(choice(body).get("text").asText()).contains(letter);
        }
    }

    @Test
    void logProbabilitiesAreThoseOfTheModelBeforeTheMask() throws Exception {
        ObjectNode body =
                completion("{\"guided_choice\":[\"zebra\"]}").put("logprobs", 3).put("return_token_ids", true);
        JsonNode guided = choice(body);
        ObjectNode echo =
                JSON.createObjectNode().put("echo", true).put("logprobs", 3).put("max_tokens", 0);
        guided.get("prompt_token_ids").forEach(echo.withArray("prompt")::add);
        guided.get("token_ids").forEach(echo.withArray("prompt")::add);
        JsonNode scores = choice(echo).at("/logprobs/token_logprobs");
        int prompt = guided.get("prompt_token_ids").size();
        JsonNode own = guided.at("/logprobs/token_logprobs");
        assertThat(own.size()).isPositive();
        for (int i = 0; i < own.size(); i++) {
            assertThat(own.get(i).asDouble()).isCloseTo(scores.get(prompt + i).asDouble(), within(1e-4));
        }
    }
}
