package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What POST /v1/ab does when something goes wrong: a variant, the request, the client or the server. */
class AbFailuresTest {
    private static final String TWO = "\"variants\":[\"tiny\",\"tiny@remove=3\"]";

    private final AbServer server = new AbServer();

    @AfterEach
    void close() {
        server.close();
    }

    @Test
    void aVariantThatFailsIsReportedAndTheOthersGoOn() {
        List<JsonNode> events = server.stream(
                "{\"prompts\":[\"a\",\"b\"],\"variants\":[\"tiny\",\"tiny@insert=3:average\",\"tiny@remove=3\"],\"max_tokens\":4}");
        assertThat(AbServer.of(events, "failure")).hasSize(1);
        JsonNode failure = AbServer.of(events, "failure").getFirst();
        assertThat(failure.get("variant").asText()).isEqualTo("tiny@insert=3:average");
        assertThat(failure.get("status").asInt()).isEqualTo(507);
        assertThat(failure.get("code").asText()).isEqualTo("derived_blocks_full");
        assertThat(failure.get("message").asText()).contains("no room for averages");
        assertThat(AbServer.of(events, "answer"))
                .hasSize(4)
                .allSatisfy(answer -> assertThat(
                                answer.get("tokens").get(0).get("logprobs").size())
                        .isEqualTo(2));
        assertThat(AbServer.of(events, "summary"))
                .hasSize(3)
                .allSatisfy(summary -> assertThat(summary.get("variants")).hasSize(1));
        server.awaitNothingRuns();
    }

    @Test
    void withoutItsReferenceThereAreAnswersButNoDistances() {
        List<JsonNode> events = server.stream(
                "{\"prompts\":\"a\",\"variants\":[\"tiny@insert=3:average\",\"tiny\",\"tiny@remove=3\"],\"max_tokens\":4}");
        assertThat(AbServer.of(events, "answer")).hasSize(2);
        assertThat(AbServer.of(events, "summary"))
                .hasSize(2)
                .allSatisfy(summary -> assertThat(summary.get("variants")).isEmpty());
    }

    @Test
    void whereEveryVariantFailsTheRequestDoes() {
        for (boolean streams : new boolean[] {true, false}) {
            HttpResponse<String> response = server.post("{\"prompts\":\"a\",\"max_tokens\":4,\"stream\":" + streams
                    + ",\"variants\":[\"tiny@insert=3:average\",\"tiny@insert=4:average\"]}");
            assertThat(response.statusCode()).isEqualTo(507);
            assertThat(response.body()).contains("no room for averages").doesNotContain("data:");
        }
        server.awaitNothingRuns();
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
                "'prompts':'a','variants':['tiny','tiny'],'guided_choice':['a'] | guided_choice | no field of a comparison",
                "'prompts':'a','variants':['huge','huge'],'max_tokens':400 | max_tokens | (400 x 200000 x 4), but a comparison may keep 268435456. Ask for at most 335 tokens",
            })
    void whatCannotBeComparedIsRefusedWithTheFieldAndTheRange(String fields, String param, String part) {
        HttpResponse<String> response = server.post("{" + fields.replace('\'', '"') + "}");
        assertThat(response.statusCode()).as(response.body()).isBetween(400, 404);
        JsonNode error = TestServer.json(response).get("error");
        assertThat(error.get("message").asText()).contains(part);
        assertThat(error.get("param").asText()).isEqualTo(param);
    }

    @Test
    void tooManyAnswersAreRefusedByTheLimitOfTheServer() {
        try (AbServer small = new AbServer(settings -> settings.maxSequences = 5)) {
            HttpResponse<String> response = small.post("{\"prompts\":[\"a\",\"b\",\"c\"]," + TWO + "}");
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body()).contains("3 prompts for 2 variants", "allowed: 5");
        }
    }

    @Test
    void keysBodiesAndQueriesAreCheckedAsElsewhere() {
        String body = "{\"prompts\":\"a\"," + TWO + "}";
        try (AbServer strict = new AbServer(settings -> {
            settings.apiKeys = List.of("key");
        })) {
            assertThat(strict.post(body).statusCode()).isEqualTo(401);
        }
        try (AbServer small = new AbServer(settings -> settings.maxBodyBytes = 1024)) {
            assertThat(small.post(body.replace("\"a\"", "\"" + "a".repeat(2000) + "\""))
                            .statusCode())
                    .isEqualTo(413);
        }
        HttpResponse<String> edited = server.post("/v1/ab?remove=3", body);
        assertThat(edited.statusCode()).isEqualTo(400);
        assertThat(edited.body()).contains("name it in variants");
        assertThat(server.post("{\"prompts\":").body()).contains("invalid_json");
    }

    @Test
    void aClientThatGoesAwayFreesEverything() throws IOException {
        server.runner.pace(Duration.ofMillis(2));
        for (boolean streams : new boolean[] {true, false}) {
            try (Socket client =
                    server.socket("{\"prompts\":\"a\"," + TWO + ",\"max_tokens\":1000,\"stream\":" + streams + "}")) {
                if (streams) {
                    assertThat(begin(client)).hasSize(600);
                }
                TestServer.await("both variants run", () -> server.running() == 2);
            }
            server.awaitNothingRuns();
        }
    }

    /**
     * One prompt, for between two the server waits for its client: 6 MB of events, more than the sockets hold. So slowly that the loop
     * which writes them is never seconds behind.
     */
    @Test
    void aClientThatDoesNotReadLosesItsComparison() throws IOException {
        String sixteen = "{\"prompts\":\"a\",\"max_tokens\":2000,\"variants\":[\"tiny\""
                + ",\"tiny@remove=3\"".repeat(15) + "]}";
        try (AbServer strict = new AbServer(settings -> settings.maxQueuedTokens = 200)) {
            strict.runner.pace(Duration.ofMillis(2));
            try (Socket client = strict.socket(sixteen)) {
                TestServer.await("it began", () -> strict.running() == 16);
                TestServer.await("all are cancelled", () -> strict.aborted() == 16);
                strict.awaitNothingRuns();
                assertThat(end(client.getInputStream())).contains("slow_client", "over 200 tokens waited");
            }
        }
    }

    @Test
    void theNextPromptWaitsForAClientThatReadsLate() throws IOException {
        try (Socket client = server.socket(prompts(30, 1000))) {
            assertThat(begin(client)).contains("200 OK");
            TestServer.await("nothing happens for a while", this::idleForAWhile);
            assertThat(end(client.getInputStream())).contains("\"prompt\":null", "\"tokens\":30000", "data: [DONE]");
        }
    }

    /** 30 prompts make 12 MB of events, and nobody reads: more than the sockets hold, less than the limit for one prompt. */
    private boolean idleForAWhile() {
        long begin = System.nanoTime();
        while (server.running() == 0) {
            if (System.nanoTime() - begin > 300_000_000) {
                return true;
            }
            Thread.onSpinWait();
        }
        return false;
    }

    private static String prompts(int count, int maxTokens) {
        return "{\"prompts\":[\"a\"" + ",\"a\"".repeat(count - 1) + "]," + TWO + ",\"max_tokens\":" + maxTokens + "}";
    }

    /** The first characters of an answer that streams. */
    private static String begin(Socket client) throws IOException {
        return new String(client.getInputStream().readNBytes(600), StandardCharsets.UTF_8);
    }

    /** Reads to the end; its last characters. */
    private static String end(InputStream in) throws IOException {
        StringBuilder last = new StringBuilder();
        byte[] bytes = new byte[1 << 16];
        for (int read = in.read(bytes); read > 0; read = in.read(bytes)) {
            last.append(new String(bytes, 0, read, StandardCharsets.UTF_8));
            last.delete(0, Math.max(0, last.length() - 2000));
        }
        return last.toString();
    }

    @Test
    void aServerThatShutsDownEndsTheStreamWithAnError() {
        server.runner.pace(Duration.ofMillis(2));
        CompletableFuture<HttpResponse<String>> answer =
                CompletableFuture.supplyAsync(() -> server.post("{\"prompts\":\"a\"," + TWO + ",\"max_tokens\":2000}"));
        TestServer.await("it runs", () -> server.running() == 2);
        server.server.drain(Duration.ofMillis(200)).join();
        assertThat(answer.join().body())
                .contains("\"type\":\"token\"", "\"code\":\"shutting_down\"")
                .endsWith("data: [DONE]\n\n");
        server.awaitNothingRuns();
    }

    @Test
    void theComparisonsInProgressShareOneBudget() {
        Traffic traffic = new Traffic(1, 1);
        long most = AbRequest.MOST_BYTES;
        traffic.holdRows(most);
        assertThatThrownBy(() -> {
                    while (true) {
                        traffic.holdRows(most);
                    }
                })
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(429))
                .hasMessageContaining(Long.toString(most));
        traffic.releaseRows(most);
        traffic.holdRows(most);
    }
}
