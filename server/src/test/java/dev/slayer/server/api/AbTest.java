package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** POST /v1/ab over a real engine and models without weights. */
class AbTest {
    private static final String TWO = "\"variants\":[\"tiny\",\"tiny@remove=3\"]";
    private static final String ALL = "0-7";
    private static final String CUT = "0-2,4-7";
    private static final int VOCABULARY = StubEngine.CONFIG.vocabularySize();

    private final KvPool pool = new KvPool(1L << 24);
    private final LayoutRunner runner = new LayoutRunner(pool, StubEngine.CONFIG);
    private final HttpClient http = HttpClient.newHttpClient();
    private Engine engine;
    private ApiServer server;

    @AfterEach
    void close() {
        if (server != null) {
            server.close();
            engine.close();
        }
        http.close();
    }

    /** Serves "tiny" (the default), and "huge", whose vocabulary is too large to compare with it. */
    private void start(Consumer<TestServer.Settings> change) {
        TestServer.Settings settings = new TestServer.Settings();
        change.accept(settings);
        ServedModel tiny = TestServer.model("tiny");
        ModelConfig large = hugeConfig();
        ServedModel huge =
                new ServedModel("huge", Instant.EPOCH, large, Layout.identity(8), StubEngine.TOKENIZER, 4096);
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        engine = Engine.start(
                new EngineSettings(32, 100, 32, 1L << 24),
                pool,
                List.of(
                        new EngineModel("tiny", runner, StubEngine.TOKENIZER.vocabulary()),
                        new EngineModel("huge", new LayoutRunner(pool, large), StubEngine.TOKENIZER.vocabulary())),
                registry);
        server = ApiServer.start(
                settings.build(),
                new ApiParts(
                        List.of(
                                new StubCheckpoint(Path.of("/tiny")).loaded(tiny),
                                new StubCheckpoint(Path.of("/huge")).loaded(huge)),
                        settings.loader,
                        ApiFolders.NONE,
                        VariantStore.inMemory(),
                        engine,
                        registry));
    }

    private static ModelConfig hugeConfig() {
        ModelConfig tiny = StubEngine.CONFIG;
        return new ModelConfig(
                tiny.architecture(),
                tiny.hiddenSize(),
                tiny.layers(),
                tiny.heads(),
                tiny.kvHeads(),
                tiny.headDim(),
                tiny.intermediateSize(),
                200_000,
                tiny.contextLength(),
                tiny.rmsNormEps(),
                tiny.rope(),
                tiny.slidingWindow(),
                tiny.tiedEmbeddings(),
                tiny.bosTokenId(),
                tiny.eosTokenIds());
    }

    private HttpResponse<String> post(String body) {
        try {
            URI uri = URI.create("http://" + server.host() + ":" + server.port() + "/v1/ab");
            return http.send(
                    HttpRequest.newBuilder(uri)
                            .POST(HttpRequest.BodyPublishers.ofString(body))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private List<JsonNode> stream(String body) {
        HttpResponse<String> response = post(body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type").orElseThrow()).startsWith("text/event-stream");
        List<String> events = new ArrayList<>(Arrays.asList(response.body().split("\n\n")));
        assertThat(events.removeLast()).isEqualTo("data: [DONE]");
        return events.stream()
                .map(event -> TestServer.json(event.substring("data: ".length())))
                .toList();
    }

    private static List<JsonNode> of(List<JsonNode> events, String type) {
        return events.stream()
                .filter(event -> event.get("type").asText().equals(type))
                .toList();
    }

    private void awaitNothingRuns() {
        TestServer.await(
                "nothing runs and no KV is held",
                () -> engine.status().running() + engine.status().waiting() == 0
                        && engine.status().kvBytesUsed() == 0);
    }

    /** Log-probabilities of what comes after a token, naively and in double. */
    private static double[] twin(String layout, int token) {
        float[] logits = LayoutRunner.logits(VOCABULARY, layout, token);
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        double[] logprobs = new double[VOCABULARY];
        for (int i = 0; i < VOCABULARY; i++) {
            logprobs[i] = logits[i] - Math.log(sum);
        }
        return logprobs;
    }

    private static double naiveKl(double[] reference, double[] other) {
        double sum = 0;
        for (int i = 0; i < reference.length; i++) {
            sum += Math.exp(reference[i]) * (reference[i] - other[i]);
        }
        return sum;
    }

    private static int top(double[] logprobs) {
        int best = 0;
        for (int i = 1; i < logprobs.length; i++) {
            best = logprobs[i] > logprobs[best] ? i : best;
        }
        return best;
    }

    @Test
    void everyTokenHasItsLogProbabilityUnderEveryVariantAndTheSummaryIsThatOfTheNaiveTwin() {
        start(settings -> {});
        List<JsonNode> events =
                stream("{\"prompts\":\"hello\"," + TWO + ",\"sampling\":{\"temperature\":0,\"max_tokens\":40}}");
        assertThat(of(events, "failure")).isEmpty();
        List<JsonNode> answers = of(events, "answer");
        assertThat(answers).hasSize(2);
        for (JsonNode answer : answers) {
            String author = answer.get("variant").asText();
            assertThat(answer.get("prompt").asInt()).isZero();
            assertThat(answer.get("finish_reason").asText()).isEqualTo("length");
            assertThat(answer.get("tokens")).hasSize(40);
            int before = 'o';
            StringBuilder text = new StringBuilder();
            for (JsonNode token : answer.get("tokens")) {
                int id = token.get("token").asInt();
                assertThat(token.get("logprobs").size()).isEqualTo(2);
                assertThat(token.get("logprobs").get("tiny").asDouble()).isCloseTo(twin(ALL, before)[id], within(1e-4));
                assertThat(token.get("logprobs").get("tiny@remove=3").asDouble())
                        .isCloseTo(twin(CUT, before)[id], within(1e-4));
                assertThat(id)
                        .as("%s is greedy", author)
                        .isEqualTo(top(twin(author.equals("tiny") ? ALL : CUT, before)));
                text.append(token.get("text").asText());
                before = id;
            }
            assertThat(answer.get("text").asText()).hasToString(text.toString());
            List<JsonNode> tokens = of(events, "token").stream()
                    .filter(token -> token.get("variant").asText().equals(author))
                    .toList();
            assertThat(tokens).hasSize(40);
            for (int i = 0; i < 40; i++) {
                JsonNode scored = answer.get("tokens").get(i);
                assertThat(tokens.get(i).get("token")).isEqualTo(scored.get("token"));
                assertThat(tokens.get(i).get("logprob").asDouble())
                        .isCloseTo(scored.get("logprobs").get(author).asDouble(), within(1e-6));
            }
        }
        assertSummary(
                events,
                answers.stream()
                        .filter(a -> a.get("variant").asText().equals("tiny"))
                        .findFirst()
                        .orElseThrow());
        awaitNothingRuns();
    }

    private static void assertSummary(List<JsonNode> events, JsonNode answer) {
        List<JsonNode> summaries = of(events, "summary");
        assertThat(summaries).hasSize(2);
        assertThat(events.getLast()).isEqualTo(summaries.getLast());
        JsonNode one = summaries.getFirst();
        assertThat(one.get("prompt").asInt()).isZero();
        assertThat(one.get("reference").asText()).isEqualTo("tiny");
        assertThat(one.get("reference_layout").asText()).isEqualTo(ALL);
        assertThat(one.get("variants")).hasSize(1);
        JsonNode distance = one.get("variants").get(0);
        assertThat(distance.get("variant").asText()).isEqualTo("tiny@remove=3");
        assertThat(distance.get("layout").asText()).isEqualTo(CUT);
        assertThat(distance.get("kl")).hasSize(40);
        int before = 'o';
        double sumKl = 0;
        double sum = 0;
        double referenceSum = 0;
        int agreements = 0;
        for (int i = 0; i < 40; i++) {
            double[] reference = twin(ALL, before);
            double[] other = twin(CUT, before);
            double kl = naiveKl(reference, other);
            assertThat(distance.get("kl").get(i).asDouble()).isCloseTo(kl, within(1e-6));
            sumKl += kl;
            agreements += top(reference) == top(other) ? 1 : 0;
            before = answer.get("tokens").get(i).get("token").asInt();
            sum += other[before];
            referenceSum += reference[before];
        }
        assertThat(agreements).isBetween(1, 39);
        assertThat(distance.get("mean_kl").asDouble()).isCloseTo(sumKl / 40, within(1e-6));
        assertThat(distance.get("top1_agreement").asDouble()).isEqualTo(agreements / 40.0);
        double perplexity = Math.exp(-sum / 40);
        double referencePerplexity = Math.exp(-referenceSum / 40);
        assertThat(distance.get("perplexity").asDouble()).isCloseTo(perplexity, within(1e-4));
        assertThat(distance.get("reference_perplexity").asDouble()).isCloseTo(referencePerplexity, within(1e-4));
        assertThat(distance.get("perplexity_difference").asDouble())
                .isCloseTo(perplexity - referencePerplexity, within(1e-4));
        JsonNode all = summaries.getLast();
        assertThat(all.get("prompt").isNull()).isTrue();
        assertThat(all.get("variants").get(0).has("kl")).isFalse();
        assertThat(all.get("variants").get(0).get("mean_kl")).isEqualTo(distance.get("mean_kl"));
    }

    @Test
    void aModelDoesNotDifferFromItself() {
        start(settings -> {});
        List<JsonNode> events =
                stream("{\"prompts\":[\"ab\"],\"variants\":[\"base\",\"base\"],\"seed\":7,\"max_tokens\":30}");
        JsonNode distance = of(events, "summary").getFirst().get("variants").get(0);
        assertThat(distance.get("variant").asText()).isEqualTo("base#2");
        for (JsonNode kl : distance.get("kl")) {
            assertThat(kl.asDouble()).isZero();
        }
        assertThat(distance.get("top1_agreement").asDouble()).isEqualTo(1);
        assertThat(distance.get("perplexity_difference").asDouble()).isZero();
        List<JsonNode> answers = of(events, "answer");
        assertThat(answers.get(0).get("text"))
                .as("one seed, one answer")
                .isEqualTo(answers.get(1).get("text"));
    }

    @Test
    void promptsComeOneAfterAnotherAndTheLastSummaryIsOfAll() {
        start(settings -> {});
        List<JsonNode> events =
                stream("{\"prompts\":[\"one\",\"two\",\"three\"]," + TWO + ",\"temperature\":0,\"max_tokens\":5}");
        List<Integer> order = events.stream()
                .filter(event -> !event.get("prompt").isNull())
                .map(event -> event.get("prompt").asInt())
                .toList();
        assertThat(order).isSorted().contains(0, 1, 2);
        List<JsonNode> summaries = of(events, "summary");
        assertThat(summaries).hasSize(4);
        double mean = summaries.stream()
                .limit(3)
                .mapToDouble(
                        summary -> summary.get("variants").get(0).get("mean_kl").asDouble())
                .average()
                .orElseThrow();
        JsonNode all = summaries.getLast().get("variants").get(0);
        assertThat(all.get("tokens").asInt()).isEqualTo(15);
        assertThat(all.get("mean_kl").asDouble()).isCloseTo(mean, within(1e-9));
    }

    @Test
    void withoutAStreamTheSameComesAsOneObject() {
        start(settings -> {});
        String fields = "\"prompts\":[\"x\",\"y\"]," + TWO + ",\"temperature\":0,\"max_tokens\":6";
        List<JsonNode> events = stream("{" + fields + "}");
        JsonNode whole = TestServer.json(post("{" + fields + ",\"stream\":false}"));
        assertThat(whole.get("object").asText()).isEqualTo("ab");
        assertThat(whole.get("failures")).isEmpty();
        for (String type : List.of("answer", "summary")) {
            ArrayNode streamed = Json.MAPPER.createArrayNode();
            of(events, type).forEach(event -> streamed.add(((ObjectNode) event.deepCopy()).without("type")));
            assertThat(whole.get(type.equals("answer") ? "answers" : "summaries"))
                    .containsExactlyInAnyOrderElementsOf(streamed);
        }
    }

    @Test
    void aVariantThatFailsIsReportedAndTheOthersGoOn() {
        start(settings -> {});
        List<JsonNode> events = stream(
                "{\"prompts\":[\"a\",\"b\"],\"variants\":[\"tiny\",\"tiny@insert=3:average\",\"tiny@remove=3\"],\"max_tokens\":4}");
        assertThat(of(events, "failure")).hasSize(1);
        JsonNode failure = of(events, "failure").getFirst();
        assertThat(failure.get("variant").asText()).isEqualTo("tiny@insert=3:average");
        assertThat(failure.get("status").asInt()).isEqualTo(507);
        assertThat(failure.get("code").asText()).isEqualTo("derived_blocks_full");
        assertThat(failure.get("message").asText()).contains("no room for averages");
        assertThat(of(events, "answer"))
                .hasSize(4)
                .allSatisfy(answer -> assertThat(
                                answer.get("tokens").get(0).get("logprobs").size())
                        .isEqualTo(2));
        assertThat(of(events, "summary"))
                .hasSize(3)
                .allSatisfy(summary -> assertThat(summary.get("variants")).hasSize(1));
        awaitNothingRuns();
    }

    @Test
    void withoutItsReferenceThereAreAnswersButNoDistances() {
        start(settings -> {});
        List<JsonNode> events = stream(
                "{\"prompts\":\"a\",\"variants\":[\"tiny@insert=3:average\",\"tiny\",\"tiny@remove=3\"],\"max_tokens\":4}");
        assertThat(of(events, "answer")).hasSize(2);
        assertThat(of(events, "summary"))
                .hasSize(2)
                .allSatisfy(summary -> assertThat(summary.get("variants")).isEmpty());
    }

    @Test
    void whereEveryVariantFailsTheRequestDoes() {
        start(settings -> {});
        for (boolean streams : new boolean[] {true, false}) {
            HttpResponse<String> response = post("{\"prompts\":\"a\",\"max_tokens\":4,\"stream\":" + streams
                    + ",\"variants\":[\"tiny@insert=3:average\",\"tiny@insert=4:average\"]}");
            assertThat(response.statusCode()).isEqualTo(507);
            assertThat(response.body()).contains("no room for averages").doesNotContain("data:");
        }
        awaitNothingRuns();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'prompts':'a' | variants | 0 models; allowed: 2 to 16",
                "'prompts':'a','variants':['tiny'] | variants | 1 models; allowed: 2 to 16",
                "'prompts':'a','variants':['1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16','17'] | variants | 17 models",
                "'prompts':'a','variants':['tiny','none'] | variants[1] | 'none' does not exist",
                "'prompts':'a','variants':['tiny','tiny@remove=9'] | variants[1] | layer 9",
                "'prompts':'a','variants':['tiny',7] | variants[1] | a string is needed",
                "'prompts':'a','variants':['tiny','huge'] | variants[1] | vocabulary of 200000",
                "'variants':['tiny','tiny'] | prompts | missing",
                "'prompts':[],'variants':['tiny','tiny'] | prompts | empty",
                "'prompts':[''],'variants':['tiny','tiny'],'n':2 | n | n=2",
                "'prompts':['a',5],'variants':['tiny','tiny'] | prompts[1] | a string is needed",
                "'prompts':'a','variants':['tiny','tiny'],'max_tokens':0 | max_tokens | out of range",
                "'prompts':'a','variants':['tiny','tiny'],'max_tokens':9999 | prompts | 4096 tokens",
                "'prompts':'a','variants':['tiny','tiny'],'temperature':3 | temperature | out of range",
                "'prompts':'a','variants':['tiny','tiny'],'seed':3,'sampling':{'seed':4} | sampling.seed | once",
                "'prompts':'a','variants':['tiny','tiny'],'model':'tiny' | model | variants",
                "'prompts':'a','variants':['tiny','tiny'],'sampling':{'logprobs':4} | logprobs | anyway",
                "'prompts':'a','variants':['huge','huge'],'max_tokens':400 | max_tokens | (400 x 200000 x 4), but a comparison may keep 268435456. Ask for at most 335 tokens",
            })
    void whatCannotBeComparedIsRefusedWithTheFieldAndTheRange(String fields, String param, String part) {
        start(settings -> {});
        HttpResponse<String> response = post("{" + fields.replace('\'', '"') + "}");
        assertThat(response.statusCode()).as(response.body()).isBetween(400, 404);
        JsonNode error = TestServer.json(response).get("error");
        assertThat(error.get("message").asText()).contains(part);
        assertThat(error.get("param").asText()).isEqualTo(param);
    }

    @Test
    void tooManyAnswersAreRefusedByTheLimitOfTheServer() {
        start(settings -> settings.maxSequences = 5);
        HttpResponse<String> response = post("{\"prompts\":[\"a\",\"b\",\"c\"]," + TWO + "}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(response.body()).contains("3 prompts for 2 variants", "allowed: 5");
    }

    @Test
    void aClientThatGoesAwayFreesEverything() throws IOException {
        start(settings -> {});
        runner.pace(Duration.ofMillis(2));
        for (boolean streams : new boolean[] {true, false}) {
            try (Socket client = new Socket(server.host(), server.port())) {
                String body = "{\"prompts\":\"a\"," + TWO + ",\"max_tokens\":1000,\"stream\":" + streams + "}";
                client.getOutputStream()
                        .write(("POST /v1/ab HTTP/1.1\r\nhost: x\r\ncontent-length: " + body.length() + "\r\n\r\n"
                                        + body)
                                .getBytes(StandardCharsets.UTF_8));
                if (streams) {
                    assertThat(client.getInputStream().readNBytes(600)).hasSize(600);
                }
                TestServer.await("both variants run", () -> engine.status().running() == 2);
            }
            awaitNothingRuns();
        }
    }

    @Test
    void aClientThatDoesNotReadLosesItsComparison() throws IOException {
        start(settings -> settings.maxQueuedTokens = 200);
        try (Socket client = new Socket()) {
            client.setReceiveBufferSize(1024);
            client.connect(new java.net.InetSocketAddress(server.host(), server.port()));
            String prompts = "\"a\"" + ",\"a\"".repeat(19);
            String body = "{\"prompts\":[" + prompts + "]," + TWO + ",\"max_tokens\":4000}";
            client.getOutputStream()
                    .write(("POST /v1/ab HTTP/1.1\r\nhost: x\r\ncontent-length: " + body.length() + "\r\n\r\n" + body)
                            .getBytes(StandardCharsets.UTF_8));
            TestServer.await("it began", () -> engine.status().running() == 2);
            awaitNothingRuns();
            client.setSoTimeout(30_000);
            StringBuilder last = new StringBuilder();
            byte[] bytes = new byte[1 << 16];
            while (last.indexOf("slow_client") < 0) {
                int read = client.getInputStream().read(bytes);
                assertThat(read).isPositive();
                last.append(new String(bytes, 0, read, StandardCharsets.UTF_8));
                last.delete(0, Math.max(0, last.length() - 1000));
            }
            assertThat(last.toString()).contains("over 200 tokens waited");
        }
    }

    @Test
    void aServerThatShutsDownEndsTheStreamWithAnError() {
        start(settings -> {});
        runner.pace(Duration.ofMillis(2));
        var drained = server.drain(Duration.ofMillis(300));
        drained.join();
        assertThat(post("{\"prompts\":\"a\"," + TWO + "}").statusCode()).isEqualTo(503);
    }

    @Test
    void theComparisonsInProgressShareOneBudget() {
        Traffic traffic = new Traffic(1, 1);
        long most = AbRequest.MOST_BYTES;
        int fit = 0;
        try {
            for (; fit < 10_000; fit++) {
                traffic.holdRows(most);
            }
        } catch (dev.slayer.surgery.SlayerException e) {
            assertThat(e.status()).isEqualTo(429);
            assertThat(e).hasMessageContaining(Long.toString(most));
        }
        assertThat(fit).isBetween(1, 9_999);
        traffic.releaseRows(most);
        traffic.holdRows(most);
    }
}
