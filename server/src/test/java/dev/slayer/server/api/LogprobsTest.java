package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.TokenScore;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

class LogprobsTest {
    private static final String PATH = "/v1/completions";

    @Test
    void echoWithOneTokenHasOneEntryPerPromptTokenAndOneMore() {
        try (TestServer server = TestServer.with(StubEngine.saying("z"))) {
            JsonNode answer = server.ask(
                    PATH,
                    "{\"prompt\":[[97,98,99],[98]],\"max_tokens\":1,\"logprobs\":1,\"echo\":true,\"temperature\":0}");
            JsonNode logprobs = answer.at("/choices/0/logprobs");
            for (String column : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
                assertThat(logprobs.get(column)).hasSize(4);
                assertThat(answer.at("/choices/1/logprobs/" + column)).hasSize(2);
            }
            assertThat(logprobs.at("/token_logprobs/0").isNull()).isTrue();
            assertThat(logprobs.at("/top_logprobs/0").isNull()).isTrue();
            assertThat(logprobs.get("tokens")).hasToString("[\"a\",\"b\",\"c\",\"z\"]");
            assertThat(logprobs.get("text_offset")).hasToString("[0,1,2,3]");
            for (int i = 1; i < 4; i++) {
                double actual = logprobs.at("/token_logprobs/" + i).asDouble();
                double best = StreamSupport.stream(
                                logprobs.at("/top_logprobs/" + i).spliterator(), false)
                        .mapToDouble(JsonNode::asDouble)
                        .max()
                        .orElseThrow();
                boolean greedy = logprobs.at("/tokens/" + i).asText().charAt(0) % 2 == 0;
                assertThat(actual == best).isEqualTo(greedy);
            }
        }
    }

    @Test
    void eosAsTheGeneratedTokenHasItsEntryToo() {
        try (TestServer server = TestServer.with(StubEngine.saying(""))) {
            JsonNode logprobs = server.ask(PATH, "{\"prompt\":[97,98],\"max_tokens\":1,\"logprobs\":1,\"echo\":true}")
                    .at("/choices/0/logprobs");
            assertThat(logprobs.get("token_logprobs")).hasSize(3);
            assertThat(logprobs.at("/tokens/2").asText()).isEqualTo("</s>");
        }
    }

    @Test
    void maxTokensZeroScoresThePromptAlone() {
        try (TestServer server = TestServer.with(StubEngine.saying("z"))) {
            JsonNode choice = server.ask(PATH, "{\"prompt\":[97,98,99],\"max_tokens\":0,\"logprobs\":0,\"echo\":true}")
                    .at("/choices/0");
            assertThat(choice.at("/logprobs/token_logprobs")).hasSize(3);
            assertThat(choice.at("/text").asText()).isEqualTo("abc");
            assertThat(choice.at("/finish_reason").asText()).isEqualTo("length");
            assertThat(choice.at("/logprobs/top_logprobs/1")).hasSize(1);
        }
    }

    @Test
    void withoutEchoOnlyGeneratedTokensHaveEntries() {
        try (TestServer server = TestServer.with(StubEngine.saying("é!"))) {
            JsonNode logprobs =
                    server.ask(PATH, "{\"prompt\":\"abc\",\"logprobs\":3}").at("/choices/0/logprobs");
            assertThat(logprobs.get("tokens")).hasToString("[\"bytes:\\\\xC3\",\"bytes:\\\\xA9\",\"!\",\"</s>\"]");
            assertThat(logprobs.get("text_offset")).hasToString("[0,1,1,2]");
            assertThat(logprobs.at("/top_logprobs/2")).hasSize(3);
        }
    }

    @Test
    void twoTokensOfOneTextKeepTheLargerValueAndIdsNeverCollide() {
        // Ids 258 and 259 are special tokens; 260 and 261 are rows beyond the vocabulary, whose text is empty alike.
        StubEngine engine = StubEngine.saying("z")
                .scoring(token -> new TokenScore(261, -3f, 3, new int[] {260, 97}, new float[] {-0.5f, -1f}));
        try (TestServer server = TestServer.with(engine)) {
            String body = "{\"prompt\":\"a\",\"logprobs\":2,\"max_tokens\":1";
            assertThat(server.ask(PATH, body + "}").at("/choices/0/logprobs/top_logprobs/0"))
                    .hasToString("{\"\":-0.5,\"a\":-1.0}");
            assertThat(server.ask(PATH, body + ",\"return_tokens_as_token_ids\":true}")
                            .at("/choices/0/logprobs/top_logprobs/0"))
                    .hasToString("{\"token_id:260\":-0.5,\"token_id:97\":-1.0,\"token_id:261\":-3.0}");
        }
    }

    @Test
    void minusInfinityIsClampedAndNotANumberIsAnError() {
        StubEngine engine = StubEngine.saying("z")
                .scoring(token ->
                        new TokenScore(token, Float.NEGATIVE_INFINITY, 9, new int[] {98}, new float[] {-0.25f}));
        try (TestServer server = TestServer.with(engine)) {
            String body = "{\"prompt\":\"a\",\"logprobs\":1,\"max_tokens\":1}";
            assertThat(server.ask(PATH, body).at("/choices/0/logprobs/token_logprobs"))
                    .hasToString("[-9999.0]");
            engine.scoring(token -> new TokenScore(token, Float.NaN, 1, new int[0], new float[0]));
            HttpResponse<String> broken = server.post(PATH, body);
            assertThat(broken.statusCode()).isEqualTo(500);
            assertThat(TestServer.json(broken).at("/error/message").asText()).contains("NaN");
        }
    }

    @Test
    void promptLogprobsMapIdsToScoresAndRanks() {
        try (TestServer server = TestServer.with(StubEngine.saying("z"))) {
            JsonNode scores = server.ask(PATH, "{\"prompt\":[97,98,99],\"prompt_logprobs\":1}")
                    .at("/choices/0/prompt_logprobs");
            assertThat(scores).hasSize(3);
            assertThat(scores.get(0).isNull()).isTrue();
            assertThat(scores.get(1)).hasToString("{\"98\":{\"logprob\":-0.1,\"rank\":1,\"decoded_token\":\"b\"}}");
            assertThat(scores.at("/2/99/rank").asInt()).isEqualTo(2);
            assertThat(scores.get(2)).hasSize(2);
        }
    }

    @Test
    void offsetsSkipTheBosThatTheServerAdded() {
        try (TestServer server = TestServer.with(StubEngine.saying("z"))) {
            JsonNode choice = server.ask(PATH, "{\"prompt\":\"éa\",\"max_tokens\":1,\"logprobs\":1,\"echo\":true}")
                    .at("/choices/0");
            assertThat(choice.at("/text").asText()).isEqualTo("éaz");
            assertThat(choice.at("/logprobs/text_offset")).hasToString("[0,0,1,1,2]");
        }
    }

    @Test
    void chatScoresGeneratedTokensInRows() {
        try (TestServer server = TestServer.with(StubEngine.saying("ab"))) {
            JsonNode content = server.ask(
                            "/v1/chat/completions",
                            "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"logprobs\":true,\"top_logprobs\":2}")
                    .at("/choices/0/logprobs/content");
            assertThat(content).hasSize(3);
            assertThat(content.at("/0/token").asText()).isEqualTo("a");
            assertThat(content.at("/0/bytes")).hasToString("[97]");
            assertThat(content.at("/0/top_logprobs")).hasSize(2);
            assertThat(content.at("/0/top_logprobs/1/token").asText()).isEqualTo("a");
            assertThat(content.at("/0/logprob")).isEqualTo(content.at("/0/top_logprobs/1/logprob"));
        }
    }

    @Test
    void aResponseOfManyMegabytesArrivesWhole() {
        try (TestServer server = TestServer.with(StubEngine.endless())) {
            String prompt = "[" + "97,".repeat(3999) + "98]";
            String prompts = "[" + (prompt + ",").repeat(7) + prompt + "]";
            HttpResponse<String> response =
                    server.post(PATH, "{\"prompt\":" + prompts + ",\"max_tokens\":1,\"logprobs\":20,\"echo\":true}");
            assertThat(response.body().length()).isGreaterThan(9_000_000);
            assertThat(response.headers().firstValue("transfer-encoding")).hasValue("chunked");
            JsonNode answer = TestServer.json(response);
            assertThat(answer.at("/choices")).hasSize(8);
            assertThat(answer.at("/choices/7/logprobs/token_logprobs")).hasSize(4001);
        }
    }
}
