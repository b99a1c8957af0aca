package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private static final String PATH = "/v1/completions";
    private static final String BODY = "{\"prompt\":\"a\"}";

    @Test
    void aBodyOverTheLimitIsA413WhetherItsLengthIsDeclaredOrNot() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.maxBodyBytes = 2000)) {
            String large = "{\"prompt\":\"" + "a".repeat(100_000) + "\"}";
            assertTooLarge(server.post(PATH, large));
            assertTooLarge(server.send(server.request(PATH)
                    .POST(HttpRequest.BodyPublishers.fromPublisher(HttpRequest.BodyPublishers.ofString(large)))));
            assertThat(server.post(PATH, BODY).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void oneRequestOverTheConcurrencyLimitIsA429() {
        StubEngine engine = StubEngine.saying("x").pause();
        try (TestServer server = TestServer.with(engine, settings -> settings.maxConcurrentRequests = 2)) {
            CompletableFuture<HttpResponse<String>> one = CompletableFuture.supplyAsync(() -> server.post(PATH, BODY));
            CompletableFuture<HttpResponse<String>> two = CompletableFuture.supplyAsync(() -> server.post(PATH, BODY));
            TestServer.await("two requests run", () -> engine.active() == 2);
            HttpResponse<String> three = server.post(PATH, BODY);
            assertThat(three.statusCode()).isEqualTo(429);
            assertThat(three.headers().firstValue("retry-after")).isPresent();
            assertThat(TestServer.json(three).at("/error/code").asText()).isEqualTo("rate_limit_exceeded");
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
            engine.resume();
            assertThat(one.join().statusCode()).isEqualTo(200);
            assertThat(two.join().statusCode()).isEqualTo(200);
            assertThat(server.post(PATH, BODY).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void refusedRequestsGiveTheirPlaceBack() {
        try (TestServer server =
                TestServer.with(StubEngine.saying("x"), settings -> settings.maxConcurrentRequests = 1)) {
            for (int i = 0; i < 5; i++) {
                assertThat(server.post(PATH, "{").statusCode()).isEqualTo(400);
                assertThat(server.post(PATH, "{\"model\":\"none\",\"prompt\":\"a\"}")
                                .statusCode())
                        .isEqualTo(404);
            }
            assertThat(server.post(PATH, BODY).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aBodyThatDoesNotComeLosesItsConnection() {
        try (TestServer server =
                TestServer.with(StubEngine.saying("x"), settings -> settings.stallTimeout = Duration.ofMillis(200))) {
            String response = server.raw("POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n{");
            assertThat(response).isEmpty();
        }
    }

    @Test
    void aConnectionThatSaysHalfARequestOrNothingMoreIsClosed() {
        try (TestServer server =
                TestServer.with(StubEngine.saying("x"), settings -> settings.stallTimeout = Duration.ofMillis(200))) {
            assertThat(server.raw("")).isEmpty();
            assertThat(server.raw("GET /health HTTP/1.1\r\nho")).isEmpty();
            assertThat(server.raw("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")).startsWith("HTTP/1.1 200");
            assertThat(server.raw("GET /health HTTP/1.1\r\nhost: x\r\n\r\nGET")).startsWith("HTTP/1.1 200");
        }
    }

    @Test
    void aRequestMayTakeLongerThanAnIdleConnection() throws InterruptedException {
        StubEngine engine = StubEngine.saying("x").pause();
        try (TestServer server = TestServer.with(engine, settings -> settings.stallTimeout = Duration.ofMillis(200))) {
            CompletableFuture<HttpResponse<String>> slow = CompletableFuture.supplyAsync(() -> server.post(PATH, BODY));
            TestServer.await("it runs", () -> engine.active() == 1);
            Thread.sleep(500); // longer than the connection could be idle
            engine.resume();
            assertThat(slow.join().statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aTextThatCannotFitIsRefusedBeforeItIsTokenized() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.maxBodyBytes = 8 << 20)) {
            HttpResponse<String> prompt = server.post(PATH, "{\"prompt\":\"" + "a".repeat(128 * 4096 + 1) + "\"}");
            assertThat(prompt.statusCode()).isEqualTo(400);
            assertThat(TestServer.json(prompt).at("/error/code").asText()).isEqualTo("context_length_exceeded");
            assertThat(TestServer.json(prompt).at("/error/message").asText())
                    .contains("4096 tokens", "524289 characters");
            HttpResponse<String> text = server.post("/tokenize", "{\"prompt\":\"" + "a".repeat((4 << 20) + 1) + "\"}");
            assertThat(text.statusCode()).isEqualTo(400);
            assertThat(TestServer.json(text).at("/error/message").asText()).contains("allowed: 4194304");
        }
    }

    @Test
    void aBatchOverTheLimitIsRefused() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> settings.maxSequences = 3)) {
            assertThat(server.post(PATH, "{\"prompt\":[\"a\",\"b\"],\"n\":2}").statusCode())
                    .isEqualTo(400);
            assertThat(server.post(PATH, "{\"prompt\":[\"a\",\"b\",\"c\"]}").statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void settingsAreCheckedByName() {
        TestServer.Settings settings = new TestServer.Settings();
        settings.maxConcurrentRequests = 0;
        assertThatThrownBy(settings::build)
                .isInstanceOf(SlayerException.class)
                .hasMessage("max-concurrent-requests=0 is out of range; allowed: 1 to 1000000.");
    }

    @Test
    void aPortInUseIsRefusedWithTheRemedy() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            ApiSettings d = ApiSettings.DEFAULTS;
            ApiSettings same = new ApiSettings(
                    d.host(),
                    server.server.port(),
                    d.apiKeys(),
                    d.corsOrigins(),
                    d.maxBodyBytes(),
                    d.maxConcurrentRequests(),
                    d.maxSequences(),
                    d.maxLogprobs(),
                    d.maxQueuedTokens(),
                    d.stallTimeout());
            assertThatThrownBy(() -> ApiServer.start(same, server.parts))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("--port");
        }
    }

    private static void assertTooLarge(HttpResponse<String> response) {
        assertThat(response.statusCode()).isEqualTo(413);
        assertThat(TestServer.json(response).at("/error/message").asText()).contains("2000 bytes");
    }
}
