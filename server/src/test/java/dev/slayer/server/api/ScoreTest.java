package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.server.engine.TokenScore;
import java.net.http.HttpResponse;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScoreTest {
    private static final String PATH = "/v1/score";

    private static TestServer server() {
        return TestServer.with(StubEngine.saying("z"));
    }

    private static String text(SequenceRequest request) {
        return StubEngine.TOKENIZER.decode(request.prompt(), false);
    }

    @Test
    void eachContinuationHasItsSumItsTokensAndItsSize() {
        try (TestServer server = server()) {
            JsonNode answer =
                    server.ask(PATH, "{\"model\":\"org/other\",\"context\":\"ab\",\"continuations\":[\" d\",\"é\"]}");
            assertThat(answer.get("id").asText()).startsWith("score-");
            assertThat(answer.get("object").asText()).isEqualTo("list");
            assertThat(answer.get("model").asText()).isEqualTo("org/other");
            JsonNode first = answer.at("/data/0/continuations/0");
            assertThat(first.get("logprob").asDouble()).isCloseTo(-0.2, within(1e-6));
            assertThat(first.get("is_greedy").asBoolean()).isTrue();
            assertThat(first.get("tokens")).hasToString("[32,100]");
            assertThat(first.get("token_logprobs")).hasToString("[-0.1,-0.1]");
            assertThat(first.get("bytes").asInt()).isEqualTo(2);
            assertThat(first.get("context_tokens").asInt()).isEqualTo(3);
            JsonNode second = answer.at("/data/0/continuations/1");
            assertThat(second.get("is_greedy").asBoolean()).isFalse();
            assertThat(second.get("bytes").asInt()).isEqualTo(2);
            assertThat(second.get("characters").asInt()).isEqualTo(1);
            assertThat(answer.at("/usage"))
                    .hasToString("{\"prompt_tokens\":10,\"completion_tokens\":0,\"total_tokens\":10,"
                            + "\"prompt_tokens_details\":{\"cached_tokens\":0}}");
        }
    }

    @Test
    void itemsComeBackInTheirOrderByPathFieldAndQueryAlike() {
        try (TestServer server = server()) {
            String items = "\"items\":[{\"context\":\"a\",\"continuations\":[\"b\",\"c\"]},"
                    + "{\"context\":[97],\"continuations\":[[98]]}]}";
            JsonNode data =
                    server.ask(PATH, "{\"model\":\"tiny@remove=3\"," + items).get("data");
            assertThat(data).hasSize(2);
            assertThat(data.at("/0/continuations")).hasSize(2);
            assertThat(data.at("/1/continuations/0/tokens")).hasToString("[98]");
            assertThat(server.ask("/m/tiny@remove=3" + PATH, "{" + items).get("data"))
                    .isEqualTo(data);
            HttpResponse<String> byQuery = server.post(PATH + "?remove=3", "{" + items);
            assertThat(TestServer.json(byQuery).get("data")).isEqualTo(data);
            assertThat(byQuery.headers().firstValue("x-slayer-layout")).hasValue("0-2,4-7");
            assertThat(server.engine.seen())
                    .allSatisfy(request -> assertThat(request.layout().text()).isEqualTo("0-2,4-7"));
        }
    }

    /** A bar stands for the end of the context; the sequence is what the engine gets. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "a|b;true;<s>ab;1",
                "a|b;false;ab;1",
                "<s>a|b;true;<s>ab;1",
                "`a |b`;true;<s>a b;2",
                "`a\u00a0\n|b`;true;`<s>a\u00a0\nb`;4",
                "|b;true;<s>b;1",
                "|b;false;<s>b;1",
                "`  |b`;false;<s>  b;3",
                "|<s>b;true;<s>b;1",
                "<s>|b;true;<s>b;1"
            })
    void textIsCutWhereTheHarnessCutsIt(String pair, boolean addSpecialTokens, String sequence, int scored) {
        int bar = pair.indexOf('|');
        try (TestServer server = server()) {
            String body = Json.MAPPER
                    .createObjectNode()
                    .put("context", pair.substring(0, bar))
                    .put("add_special_tokens", addSpecialTokens)
                    .set("continuations", Json.MAPPER.createArrayNode().add(pair.substring(bar + 1)))
                    .toString();
            JsonNode answer = server.ask(PATH, body).at("/data/0/continuations/0");
            assertThat(text(server.engine.seen().getFirst())).isEqualTo(sequence);
            assertThat(answer.get("tokens")).hasSize(scored);
            assertThat(answer.get("characters").asInt()).isEqualTo(pair.length() - bar - 1);
        }
    }

    @Test
    void idsGoVerbatimAndAContextOfThemWithoutBosIsWarnedOf() {
        try (TestServer server = server()) {
            HttpResponse<String> without =
                    server.post(PATH, "{\"context\":[97,98],\"continuations\":[[99],[100,195]]}");
            assertThat(without.headers().firstValue("x-slayer-warning").orElseThrow())
                    .contains("BOS");
            assertThat(server.engine.seen().getFirst().prompt()).containsExactly(97, 98, 99);
            JsonNode second = TestServer.json(without).at("/data/0/continuations/1");
            assertThat(second.get("bytes").asInt()).isEqualTo(2);
            HttpResponse<String> with =
                    server.post(PATH, "{\"context\":[" + StubEngine.BOS + ",98],\"continuations\":[[99]]}");
            assertThat(with.headers().firstValue("x-slayer-warning")).isEmpty();
            server.ask(PATH, "{\"context\":[],\"continuations\":[[99]],\"prefix_token_id\":7}");
            assertThat(server.engine.seen().getLast().prompt()).containsExactly(7, 99);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{};items",
                "{\"items\":[]};items",
                "{\"items\":[{\"context\":\"a\",\"continuations\":[\"b\"]}],\"context\":\"a\"};items",
                "{\"context\":\"a\"};continuations",
                "{\"context\":\"a\",\"continuations\":[]};continuations",
                "{\"context\":\"a\",\"continuations\":\"b\"};continuations",
                "{\"continuations\":[\"b\"]};context",
                "{\"context\":7,\"continuations\":[\"b\"]};context",
                "{\"context\":\"a\",\"continuations\":[[98]]};continuations[0]",
                "{\"context\":[97],\"continuations\":[\"b\"]};continuations[0]",
                "{\"context\":[97],\"continuations\":[[98],[]]};continuations[1]",
                "{\"context\":[97],\"continuations\":[98]};continuations[0]",
                "{\"context\":[97],\"continuations\":[[99999]]};continuations[0][0]",
                "{\"items\":[{\"context\":\"a\",\"continuations\":[\"\"]}]};items[0].continuations[0]",
                "{\"items\":[{\"context\":\"a\",\"continuations\":[\"b\"]},7]};items[1]",
                "{\"context\":\"a\",\"continuations\":[\"b\"],\"stream\":true};stream",
                "{\"context\":\"a\",\"continuations\":[\"b\"],\"truncation_side\":\"right\"};truncation_side",
                "{\"context\":\"\",\"continuations\":[\"b\"],\"prefix_token_id\":99999};prefix_token_id"
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
    void whatIsTooLongIsNamedAndMayBeCutAtItsBeginning() {
        try (TestServer server = server()) {
            String head = "{\"items\":[{\"context\":\"a\",\"continuations\":[\"b\"]},{\"context\":\"" + "x".repeat(4090)
                    + "\",\"continuations\":[\"c\",\"cccccccccc\"]}]";
            HttpResponse<String> refused = server.post(PATH, head + "}");
            assertThat(refused.statusCode()).isEqualTo(400);
            JsonNode error = TestServer.json(refused).get("error");
            assertThat(error.get("code").asText()).isEqualTo("context_length_exceeded");
            assertThat(error.get("param").asText()).isEqualTo("items[1].continuations[1]");
            assertThat(error.get("message").asText()).contains("4096", "4101", "truncate_prompt_tokens");
            server.ask(PATH, head + ",\"truncate_prompt_tokens\":-1}");
            assertThat(server.engine.seen().getLast().prompt()).hasSize(4095);
            JsonNode cut = server.ask(PATH, head + ",\"truncate_prompt_tokens\":12}");
            assertThat(text(server.engine.seen().getLast())).isEqualTo("xx" + "c".repeat(10));
            assertThat(cut.at("/data/1/continuations/1/context_tokens").asInt()).isEqualTo(2);
            HttpResponse<String> nothingLeft = server.post(PATH, head + ",\"truncate_prompt_tokens\":10}");
            assertThat(TestServer.json(nothingLeft).at("/error/message").asText())
                    .contains("no context", "allowed: 9");
        }
    }

    @Test
    void moreContinuationsThanARequestMayHaveAreRefusedWithTheirLimit() {
        try (TestServer server = server()) {
            String many = "[" + "\"b\",".repeat(16_384) + "\"b\"]";
            JsonNode error = TestServer.json(
                            server.post(PATH, "{\"items\":[{\"context\":\"a\",\"continuations\":" + many + "}]}"))
                    .get("error");
            assertThat(error.get("param").asText()).isEqualTo("items");
            assertThat(error.get("message").asText()).contains("16385", "16384");
        }
    }

    @Test
    void aContextIsNotTokenizedWithoutEnd() {
        try (TestServer server = TestServer.with(StubEngine.saying("z"), settings -> settings.maxBodyBytes = 8 << 20)) {
            String body = "{\"context\":\"" + "x".repeat(500_000) + "\",\"continuations\":[" + "\"b\",".repeat(200)
                    + "\"b\"]}";
            HttpResponse<String> refused = server.post(PATH, body);
            assertThat(TestServer.json(refused).at("/error/code").asText()).isEqualTo("context_length_exceeded");
            refused = server.post(PATH, body.replace("]}", "],\"truncate_prompt_tokens\":100}"));
            assertThat(TestServer.json(refused).at("/error/message").asText()).contains("67108864");
            assertThat(server.engine.seen()).isEmpty();
        }
    }

    @Test
    void minusInfinityIsClampedAndNotANumberIsAnError() {
        StubEngine engine = StubEngine.saying("z")
                .scoring(token ->
                        new TokenScore(token, Float.NEGATIVE_INFINITY, 9, new int[] {98}, new float[] {-0.25f}));
        try (TestServer server = TestServer.with(engine)) {
            String body = "{\"context\":\"a\",\"continuations\":[\"bc\"]}";
            JsonNode answer = server.ask(PATH, body).at("/data/0/continuations/0");
            assertThat(answer.get("token_logprobs")).hasToString("[-9999.0,-9999.0]");
            assertThat(answer.get("logprob").asDouble()).isEqualTo(-19998);
            engine.scoring(token -> new TokenScore(token, Float.NaN, 1, new int[] {98}, new float[] {-0.25f}));
            assertThat(server.post(PATH, body).statusCode()).isEqualTo(500);
        }
    }

    @Test
    void aTieIsGreedyAsTheHarnessReadsIt() {
        StubEngine engine = StubEngine.saying("z")
                .scoring(token -> new TokenScore(token, -0.5f, 2, new int[] {98}, new float[] {-0.5f}));
        try (TestServer server = TestServer.with(engine)) {
            JsonNode answer = server.ask(PATH, "{\"context\":\"a\",\"continuations\":[\"bc\"]}");
            assertThat(answer.at("/data/0/continuations/0/is_greedy").asBoolean())
                    .isTrue();
        }
    }

    @Test
    void theEngineIsAskedForScoresAndNothingElse() {
        try (TestServer server = server()) {
            server.ask(PATH, "{\"context\":\"a\",\"continuations\":[\"b\"],\"temperature\":2}");
            SequenceRequest request = server.engine.seen().getFirst();
            assertThat(request.stop().maxTokens()).isZero();
            assertThat(request.scores().prompt()).isTrue();
            assertThat(request.scores().generated()).isFalse();
            assertThat(Arrays.stream(request.prompt()).boxed().toList()).containsExactly(StubEngine.BOS, 97, 98);
            assertThat(server.get("/metrics").body())
                    .contains("slayer_prompt_tokens_total{model_name=\"tiny\"} 3.0")
                    .contains("slayer_http_requests_total{handler=\"/v1/score\",method=\"POST\",status=\"200\"} 1.0");
        }
    }
}
