package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.TokenScore;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PerplexityTest {
    private static final String PATH = "/v1/perplexity";

    private static TestServer server() {
        return TestServer.with(StubEngine.saying("z"));
    }

    @Test
    void aTextHasSumCountsPerplexityAndBitsPerByte() {
        try (TestServer server = server()) {
            JsonNode answer = server.ask(PATH, "{\"text\":\"béd\"}");
            assertThat(answer.get("id").asText()).startsWith("perplexity-");
            JsonNode data = answer.at("/data/0");
            // é is 0xC3 0xA9, both odd: second best to the stub
            double sum = -0.1 - 0.8 - 0.8 - 0.1;
            assertThat(data.get("logprob").asDouble()).isCloseTo(sum, within(1e-6));
            assertThat(data.get("scored_tokens").asInt()).isEqualTo(4);
            assertThat(data.get("bytes").asInt()).isEqualTo(4);
            assertThat(data.get("characters").asInt()).isEqualTo(3);
            assertThat(data.get("perplexity").asDouble()).isCloseTo(Math.exp(-sum / 4), within(1e-6));
            assertThat(data.get("bits_per_byte").asDouble()).isCloseTo(-sum / 4 / Math.log(2), within(1e-6));
            assertThat(data.has("windows")).isFalse();
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(5);
            assertThat(server.engine.seen().getFirst().prompt()).containsExactly(StubEngine.BOS, 98, 0xC3, 0xA9, 100);
        }
    }

    @Test
    void windowsScoreEachTokenOnceAndTellOfThemselves() {
        try (TestServer server = server()) {
            String text = "b".repeat(10);
            JsonNode windows = server.ask(PATH, "{\"text\":\"" + text + "\",\"max_length\":8,\"return_windows\":true}")
                    .at("/data/0/windows");
            assertThat(windows).hasSize(2);
            assertThat(windows.get(1).get("context_tokens").asInt()).isEqualTo(3);
            assertThat(windows.get(1).get("scored_tokens").asInt()).isEqualTo(4);
            JsonNode strided = server.ask(
                            PATH, "{\"text\":\"" + text + "\",\"max_length\":8,\"stride\":1,\"return_windows\":true}")
                    .at("/data/0");
            assertThat(strided.get("scored_tokens").asInt()).isEqualTo(10);
            assertThat(strided.get("windows")).hasSize(5);
            assertThat(strided.at("/logprob").asDouble()).isCloseTo(-1, within(1e-6));
        }
    }

    @Test
    void allFormsOfInputGiveTheSameAndOneThatBeginsWithThePrefixIsNotGivenAnother() {
        try (TestServer server = server()) {
            JsonNode text = server.ask(PATH, "{\"text\":\"bcd\"}").get("data");
            for (String form : new String[] {
                "\"tokens\":[98,99,100]",
                "\"input\":\"bcd\"",
                "\"input\":[98,99,100]",
                "\"input\":[\"bcd\"]",
                "\"input\":[[98,99,100]]"
            }) {
                assertThat(server.ask(PATH, "{" + form + "}").get("data"))
                        .as(form)
                        .isEqualTo(text);
            }
            JsonNode several =
                    server.ask(PATH, "{\"input\":[\"b\",[98,99,100]]}").get("data");
            assertThat(several).hasSize(2);
            assertThat(several.at("/1/index").asInt()).isEqualTo(1);
            assertThat(several.at("/1/logprob")).isEqualTo(text.at("/0/logprob"));
            int before = server.engine.seen().size();
            server.ask(PATH, "{\"text\":\"<s>bcd\"}");
            server.ask(PATH, "{\"tokens\":[" + StubEngine.BOS + ",98,99,100]}");
            assertThat(server.engine.seen().subList(before, before + 2))
                    .allSatisfy(request -> assertThat(request.prompt()).containsExactly(StubEngine.BOS, 98, 99, 100));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{};input",
                "{\"text\":\"a\",\"tokens\":[97]};input",
                "{\"text\":[97]};text",
                "{\"tokens\":\"a\"};tokens",
                "{\"input\":7};input",
                "{\"input\":[\"a\",7]};input[1]",
                "{\"text\":\"\"};text",
                "{\"text\":\"<s>\"};text",
                "{\"input\":[]};input",
                "{\"text\":\"a\",\"max_length\":2};max_length",
                "{\"text\":\"a\",\"max_length\":4097};max_length",
                "{\"text\":\"a\",\"max_length\":8,\"stride\":7};stride",
                "{\"text\":\"a\",\"stride\":0};stride"
            })
    void whatCannotBeScoredIsRefusedByName(String body, String param) {
        try (TestServer server = server()) {
            HttpResponse<String> refused = server.post(PATH, body);
            assertThat(refused.statusCode()).as(refused.body()).isEqualTo(400);
            assertThat(TestServer.json(refused).at("/error/param").asText()).isEqualTo(param);
            assertThat(server.engine.seen()).isEmpty();
        }
    }

    @Test
    void moreWindowsThanARequestMayHaveAreRefusedWithTheirLimit() {
        try (TestServer server = server()) {
            JsonNode error = TestServer.json(
                            server.post(PATH, "{\"text\":\"" + "x".repeat(20_000) + "\",\"max_length\":3}"))
                    .get("error");
            assertThat(error.get("message").asText()).contains("20000 windows", "16384");
        }
    }

    @Test
    void whatNoNumberCanSayIsNull() {
        StubEngine engine = StubEngine.saying("z")
                .scoring(token ->
                        new TokenScore(token, Float.NEGATIVE_INFINITY, 9, new int[] {98}, new float[] {-0.25f}));
        try (TestServer server = TestServer.with(engine)) {
            JsonNode data = server.ask(PATH, "{\"text\":\"bc\"}").at("/data/0");
            assertThat(data.get("logprob").asDouble()).isEqualTo(-19998);
            assertThat(data.get("perplexity").isNull()).isTrue();
            assertThat(data.get("bits_per_byte").isNumber()).isTrue();
        }
    }
}
