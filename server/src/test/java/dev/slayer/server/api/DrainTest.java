package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class DrainTest {
    private static final String PATH = "/v1/completions";

    @Test
    void runningStreamsFinishWhileNewWorkIsTurnedAway() {
        StubEngine engine = StubEngine.saying("whole answer").pause();
        try (TestServer server = TestServer.with(engine)) {
            CompletableFuture<List<JsonNode>> stream =
                    CompletableFuture.supplyAsync(() -> server.stream(PATH, "{\"prompt\":\"a\",\"stream\":true}"));
            TestServer.await("the stream runs", () -> engine.active() == 1);
            CompletableFuture<Void> drained = server.server.drain(Duration.ofSeconds(30));
            for (HttpResponse<String> refused :
                    List.of(server.post(PATH, "{\"prompt\":\"a\"}"), server.get("/health"))) {
                assertThat(refused.statusCode()).isEqualTo(503);
                assertThat(refused.headers().firstValue("retry-after")).isPresent();
                assertThat(TestServer.json(refused).at("/error/code").asText()).isEqualTo("shutting_down");
            }
            assertThat(server.get("/metrics").statusCode()).isEqualTo(200);
            assertThat(drained).isNotDone();
            engine.resume();
            drained.join();
            StringBuilder text = new StringBuilder();
            stream.join()
                    .forEach(chunk -> text.append(chunk.at("/choices/0/text").asText()));
            assertThat(text).hasToString("whole answer");
        }
    }

    @Test
    void whatIsLeftAtTheDeadlineIsCutOffWithAnError() {
        StubEngine engine = StubEngine.endless().pace(Duration.ofMillis(5));
        try (TestServer server = TestServer.with(engine)) {
            CompletableFuture<List<JsonNode>> stream = CompletableFuture.supplyAsync(
                    () -> server.stream(PATH, "{\"prompt\":\"a\",\"stream\":true,\"max_tokens\":4000}"));
            CompletableFuture<HttpResponse<String>> whole =
                    CompletableFuture.supplyAsync(() -> server.post(PATH, "{\"prompt\":\"a\",\"max_tokens\":4000}"));
            TestServer.await("tokens flow", () -> engine.active() == 2 && engine.emitted() > 4);
            server.server.drain(Duration.ofMillis(50)).join();
            assertThat(stream.join().getLast().at("/error/code").asText()).isEqualTo("shutting_down");
            assertThat(whole.join().statusCode()).isEqualTo(503);
            TestServer.await("the sequences are cancelled", () -> engine.active() == 0);
        }
    }

    @Test
    void anIdleServerDrainsAtOnce() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.server.drain(Duration.ofSeconds(30)).join();
            assertThat(server.get("/ping").statusCode()).isEqualTo(503);
        }
    }
}
