package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.Pooling;
import dev.slayer.server.engine.SequenceRequest;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Base64;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The shape of POST /v1/embeddings. The stub's vectors have a number of the tokens at place 0, 1 at place 1, and nothing behind. */
class EmbeddingsTest {
    private static final String PATH = "/v1/embeddings";

    private static TestServer server() {
        return TestServer.with(StubEngine.saying("z"));
    }

    private static double[] vector(JsonNode embedding) {
        return IntStream.range(0, embedding.size())
                .mapToDouble(i -> embedding.get(i).asDouble())
                .toArray();
    }

    @Test
    void aTextHasAVectorOfLengthOneAndAllIsSaidAsOpenAiSaysIt() {
        try (TestServer server = server()) {
            JsonNode answer = server.ask(PATH, "{\"model\":\"org/other\",\"input\":\"ab\",\"user\":\"me\"}");
            assertThat(answer.get("object").asText()).isEqualTo("list");
            assertThat(answer.get("model").asText()).isEqualTo("org/other");
            assertThat(answer.get("data")).hasSize(1);
            JsonNode one = answer.at("/data/0");
            assertThat(one.get("object").asText()).isEqualTo("embedding");
            assertThat(one.get("index").asInt()).isZero();
            double mean = (StubEngine.BOS + 'a' + 'b') / 3.0;
            double[] vector = vector(one.get("embedding"));
            assertThat(vector).hasSize(8);
            assertThat(vector[0]).isCloseTo(mean / Math.hypot(mean, 1), within(1e-6));
            assertThat(vector[1]).isCloseTo(1 / Math.hypot(mean, 1), within(1e-6));
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(3);
            assertThat(answer.at("/usage/total_tokens").asInt()).isEqualTo(3);
            SequenceRequest request = server.engine.seen().getFirst();
            assertThat(request.pooling()).hasValue(Pooling.MEAN);
            assertThat(request.stop().maxTokens()).isZero();
            assertThat(request.scores().prompt()).isFalse();
            assertThat(server.get("/metrics").body())
                    .contains("slayer_prompt_tokens_total{model_name=\"org/other\"} 3.0")
                    .contains(
                            "slayer_http_requests_total{handler=\"/v1/embeddings\",method=\"POST\",status=\"200\"} 1.0");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "\"ab\";256 97 98",
                "[\"ab\",\"c\"];256 97 98/256 99",
                "[97,98];97 98",
                "[[97,98],[256,99]];97 98/256 99",
                "[\"ab\",[99]];256 97 98/99",
                "\"<s>ab\";256 97 98",
                "\"\";256"
            })
    void allFormsOfInputAreReadInOrder(String input, String sequences) {
        try (TestServer server = server()) {
            JsonNode data = server.ask(PATH, "{\"input\":" + input + "}").get("data");
            String[] expected = sequences.replace("256", "" + StubEngine.BOS).split("/");
            assertThat(data).hasSize(expected.length);
            for (int i = 0; i < expected.length; i++) {
                assertThat(data.get(i).get("index").asInt()).isEqualTo(i);
                assertThat(server.engine.seen().get(i).prompt())
                        .containsExactly(Arrays.stream(expected[i].split(" "))
                                .mapToInt(Integer::parseInt)
                                .toArray());
            }
        }
    }

    @Test
    void base64IsTheBytesOfTheSameNumbersAsLittleEndianFloat32() {
        try (TestServer server = server()) {
            double[] numbers = vector(server.ask(PATH, "{\"input\":\"ab\",\"encoding_format\":\"float\"}")
                    .at("/data/0/embedding"));
            JsonNode encoded = server.ask(PATH, "{\"input\":\"ab\",\"encoding_format\":\"base64\"}")
                    .at("/data/0/embedding");
            ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(encoded.asText()))
                    .order(ByteOrder.LITTLE_ENDIAN);
            assertThat(bytes.remaining()).isEqualTo(numbers.length * Float.BYTES);
            for (double number : numbers) {
                assertThat(bytes.getFloat()).isEqualTo((float) number);
            }
        }
    }

    @Test
    void poolingDimensionsAndLengthAreTheRequests() {
        try (TestServer server = server()) {
            String input = "{\"input\":[97,99],";
            assertThat(vector(server.ask(PATH, input + "\"normalize\":false}").at("/data/0/embedding")))
                    .startsWith(98, 1, 0);
            assertThat(vector(server.ask(PATH, input + "\"normalize\":false,\"pooling\":\"last\"}")
                            .at("/data/0/embedding")))
                    .startsWith(99, 1, 0);
            assertThat(server.engine.seen().getLast().pooling()).hasValue(Pooling.LAST);
            assertThat(vector(server.ask(PATH, input + "\"normalize\":false,\"dimensions\":2}")
                            .at("/data/0/embedding")))
                    .containsExactly(98, 1);
            assertThat(vector(server.ask(PATH, input + "\"dimensions\":1}").at("/data/0/embedding")))
                    .containsExactly(1);
        }
    }

    @Test
    void anyStackIsNamedByFieldPathOrQuery() {
        try (TestServer server = server()) {
            JsonNode byField = server.ask(PATH, "{\"model\":\"tiny@remove=3\",\"input\":\"a\"}");
            assertThat(byField.get("model").asText()).isEqualTo("tiny@remove=3");
            server.ask("/m/tiny@remove=3" + PATH, "{\"input\":\"a\"}");
            HttpResponse<String> byQuery = server.post(PATH + "?remove=3", "{\"input\":\"a\"}");
            assertThat(byQuery.statusCode()).isEqualTo(200);
            assertThat(byQuery.headers().firstValue("x-slayer-layout")).hasValue("0-2,4-7");
            assertThat(server.post("/v1/variants", "{\"name\":\"short\",\"remove\":\"3\"}")
                            .statusCode())
                    .isEqualTo(201);
            server.ask(PATH, "{\"model\":\"short\",\"input\":\"a\"}");
            assertThat(server.engine.seen())
                    .hasSize(4)
                    .allSatisfy(request -> assertThat(request.layout().text()).isEqualTo("0-2,4-7"));
        }
    }

    @Test
    void idsWithoutBosAreWarnedOf() {
        try (TestServer server = server()) {
            assertThat(server.post(PATH, "{\"input\":[97]}").headers().firstValue("x-slayer-warning"))
                    .isPresent();
            assertThat(server.post(PATH, "{\"input\":[" + StubEngine.BOS + "]}")
                            .headers()
                            .firstValue("x-slayer-warning"))
                    .isEmpty();
            server.ask(PATH, "{\"input\":\"a\",\"add_special_tokens\":false}");
            assertThat(server.engine.seen().getLast().prompt()).containsExactly(97);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{};input",
                "{\"input\":null};input",
                "{\"input\":7};input",
                "{\"input\":[]};input",
                "{\"input\":{\"text\":\"a\"}};input",
                "{\"input\":[\"a\",7]};input[1]",
                "{\"input\":[[97],[]]};input[1]",
                "{\"input\":[97,\"a\"]};input[1]",
                "{\"input\":[99999]};input[0]",
                "{\"input\":[[97],[-1]]};input[1][0]",
                "{\"input\":\"\",\"add_special_tokens\":false};input",
                "{\"input\":\"a\",\"encoding_format\":\"int8\"};encoding_format",
                "{\"input\":\"a\",\"dimensions\":0};dimensions",
                "{\"input\":\"a\",\"dimensions\":9};dimensions",
                "{\"input\":\"a\",\"dimensions\":1.5};dimensions",
                "{\"input\":\"a\",\"pooling\":\"max\"};pooling",
                "{\"input\":\"a\",\"normalize\":1};normalize",
                "{\"input\":\"a\",\"stream\":true};stream"
            })
    void whatCannotBeEmbeddedIsRefusedByName(String body, String param) {
        try (TestServer server = server()) {
            HttpResponse<String> refused = server.post(PATH, body);
            assertThat(refused.statusCode()).as(refused.body()).isEqualTo(400);
            assertThat(TestServer.json(refused).at("/error/type").asText()).isEqualTo("invalid_request_error");
            assertThat(TestServer.json(refused).at("/error/param").asText()).isEqualTo(param);
            assertThat(server.engine.seen()).isEmpty();
        }
    }

    @Test
    void whatIsTooLongIsNamedAndMayBeCut() {
        try (TestServer server = server()) {
            for (String input : new String[] {"x".repeat(4096), "x".repeat(600_000)}) {
                String body = "{\"input\":[\"a\",\"" + input + "\"]";
                HttpResponse<String> refused = server.post(PATH, body + "}");
                assertThat(refused.statusCode()).isEqualTo(400);
                JsonNode error = TestServer.json(refused).get("error");
                assertThat(error.get("code").asText()).isEqualTo("context_length_exceeded");
                assertThat(error.get("param").asText()).isEqualTo("input[1]");
                assertThat(error.get("message").asText()).contains("4096", "truncate_prompt_tokens");
                server.ask(PATH, body + ",\"truncate_prompt_tokens\":10}");
                assertThat(server.engine.seen().getLast().prompt()).hasSize(10);
            }
            server.ask(PATH, "{\"input\":\"" + "x".repeat(4095) + "\"}");
            assertThat(server.engine.seen().getLast().prompt()).hasSize(4096);
        }
    }

    @Test
    void twoThousandInputsAreTakenAndMoreAreRefused() {
        try (TestServer server = server()) {
            String many = "[" + "\"b\",".repeat(2047) + "\"bb\"";
            JsonNode data = server.ask(PATH, "{\"input\":" + many + "],\"normalize\":false,\"dimensions\":1}")
                    .get("data");
            assertThat(data).hasSize(2048);
            for (int i = 0; i < 2048; i++) {
                double tokens = i < 2047 ? 2 : 3;
                assertThat(data.get(i).at("/embedding/0").asDouble())
                        .isCloseTo((StubEngine.BOS + (tokens - 1) * 'b') / tokens, within(1e-4));
            }
            JsonNode error = TestServer.json(server.post(PATH, "{\"input\":" + many + ",\"c\"]}"))
                    .get("error");
            assertThat(error.get("param").asText()).isEqualTo("input");
            assertThat(error.get("message").asText()).contains("2049", "2048");
        }
    }

    @Test
    void vectorsInProgressAreBoundedTogetherAndTheirRoomComesBack() {
        int hidden = 1 << 20;
        try (TestServer server =
                TestServer.with(StubEngine.saying("z"), settings -> settings.models.set(0, wide(hidden)))) {
            HttpResponse<String> refused = server.post(PATH, "{\"input\":" + inputs(2048) + ",\"dimensions\":1}");
            assertThat(refused.statusCode()).isEqualTo(429);
            assertThat(TestServer.json(refused).at("/error/message").asText())
                    .contains("embeddings in progress", "" + 2048L * hidden * Float.BYTES);
            assertThat(server.engine.seen()).isEmpty();
            long budget = Math.max(AbRequest.MOST_BYTES, Runtime.getRuntime().maxMemory() / 4);
            int mostOfIt = (int) (budget / ((long) hidden * Float.BYTES) * 2 / 3);
            for (int i = 0; i < 3; i++) {
                assertThat(server.ask(PATH, "{\"input\":" + inputs(mostOfIt) + ",\"dimensions\":1}")
                                .get("data"))
                        .hasSize(mostOfIt);
            }
        }
    }

    private static String inputs(int count) {
        return "[" + "\"b\",".repeat(count - 1) + "\"b\"]";
    }

    /** A model of many dimensions, of which the stub fills a few. */
    private static ServedModel wide(int hidden) {
        ModelConfig stub = StubEngine.CONFIG;
        ModelConfig config = new ModelConfig(
                stub.architecture(),
                hidden,
                stub.layers(),
                stub.heads(),
                stub.kvHeads(),
                stub.headDim(),
                stub.intermediateSize(),
                stub.vocabularySize(),
                stub.contextLength(),
                stub.rmsNormEps(),
                stub.rope(),
                stub.slidingWindow(),
                stub.tiedEmbeddings(),
                stub.bosTokenId(),
                stub.eosTokenIds());
        ServedModel tiny = TestServer.model("tiny");
        return new ServedModel("tiny", tiny.created(), config, tiny.layout(), StubEngine.TOKENIZER, tiny.maxModelLen());
    }
}
