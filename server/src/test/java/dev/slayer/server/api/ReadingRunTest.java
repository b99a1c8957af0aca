package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.net.Socket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Many sequences of one request: how they get to the engine, and how they end. */
class ReadingRunTest {
    private static SlayerException full() {
        return new SlayerException(429, "rate_limit_exceeded", null, "The queue is full.", null);
    }

    private static String body(int continuations) {
        return "{\"context\":\"a\",\"continuations\":[" + "\"b\",".repeat(continuations - 1) + "\"c\"]}";
    }

    @Test
    void theEngineGetsABoundedNumberAtATimeAndTheAnswerIsInOrder() throws Exception {
        StubEngine engine = StubEngine.saying("z").pause();
        try (TestServer server = TestServer.with(engine)) {
            CompletableFuture<JsonNode> answer =
                    CompletableFuture.supplyAsync(() -> server.ask("/v1/score", body(1000)));
            TestServer.await("as many run as may", () -> engine.active() == ReadingRun.AT_ONCE);
            assertThat(server.get("/health").statusCode()).isEqualTo(200);
            assertThat(engine.seen()).hasSize(ReadingRun.AT_ONCE);
            engine.resume();
            JsonNode continuations = answer.get().at("/data/0/continuations");
            assertThat(continuations).hasSize(1000);
            assertThat(continuations.at("/999/tokens/0").asInt()).isEqualTo('c');
            for (int i = 0; i < 1000; i++) {
                assertThat(continuations.get(i).get("index").asInt()).isEqualTo(i);
            }
            assertThat(engine.seen()).hasSize(1000);
        }
    }

    @Test
    void aQueueThatIsFullFromTheBeginningIsToldAndOneThatFillsUpIsWaitedFor() throws Exception {
        StubEngine engine = StubEngine.saying("z").refusing(0, full());
        try (TestServer server = TestServer.with(engine)) {
            HttpResponse<String> refused = server.post("/v1/score", body(10));
            assertThat(refused.statusCode()).isEqualTo(429);
            engine.refusing(3, full());
            CompletableFuture<JsonNode> answer = CompletableFuture.supplyAsync(() -> server.ask("/v1/score", body(10)));
            TestServer.await("three are done, nothing runs", () -> engine.seen().size() == 3 && engine.active() == 0);
            assertThat(answer).isNotDone();
            engine.refusing(0, null);
            assertThat(answer.get().at("/data/0/continuations")).hasSize(10);
        }
    }

    @Test
    void aSequenceThatFailsOrIsRefusedLaterEndsTheRequestAndTheOthers() {
        StubEngine engine = StubEngine.saying("z")
                .pause()
                .refusing(5, new SlayerException(507, "kv_memory_exhausted", null, "No memory.", null));
        try (TestServer server = TestServer.with(engine)) {
            assertThat(server.post("/v1/score", body(10)).statusCode()).isEqualTo(507);
            TestServer.await("those that ran are cancelled", () -> engine.cancelled() == 5 && engine.active() == 0);
            assertThat(server.get("/metrics").body())
                    .contains("slayer_request_success_total{finished_reason=\"abort\",model_name=\"tiny\"} 5.0");
        }
    }

    @Test
    void aClientThatGoesAwayFreesItsSequences() throws IOException {
        StubEngine engine = StubEngine.saying("z").pause();
        try (TestServer server = TestServer.with(engine)) {
            String body = body(500);
            try (Socket client = new Socket(server.server.host(), server.server.port())) {
                String head = "POST /v1/score HTTP/1.1\r\nhost: x\r\ncontent-length: " + body.length() + "\r\n\r\n";
                client.getOutputStream().write((head + body).getBytes(StandardCharsets.UTF_8));
                TestServer.await("it runs", () -> engine.active() == ReadingRun.AT_ONCE);
            }
            TestServer.await("all are cancelled", () -> engine.cancelled() == ReadingRun.AT_ONCE);
            TestServer.await("none is left", () -> engine.active() == 0);
            assertThat(engine.seen()).hasSize(ReadingRun.AT_ONCE);
        }
    }
}
