package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class SlowClientTest {
    /** Enough that it fits in no socket buffer: each chunk carries the scores of twenty tokens. */
    private static final String LONG_STREAM =
            "{\"prompt\":[97],\"stream\":true,\"max_tokens\":2000,\"logprobs\":20,\"n\":4,\"ignore_eos\":true}";

    @Test
    void aClientThatDoesNotReadLosesItsSequencesAtTheLimit() throws IOException {
        StubEngine engine = StubEngine.endless().pace(Duration.ofMillis(1));
        try (TestServer server = TestServer.with(engine, settings -> {
                    settings.maxQueuedTokens = 500;
                    settings.stallTimeout = Duration.ofMinutes(5);
                });
                Socket client = connect(server)) {
            post(client, LONG_STREAM.replace("2000", "4000"));
            TestServer.await("its sequences are cancelled", () -> engine.cancelled() == 4);
            assertThat(engine.emitted()).isLessThan(4 * 4000);
            assertThat(server.ask("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":3}")
                            .at("/choices/0/text")
                            .asText())
                    .isEqualTo("abc");
            assertThat(readAll(client)).contains("\"code\":\"slow_client\"").contains("data: [DONE]");
        }
    }

    @Test
    void aClientThatNeverReadsLosesItsConnection() throws IOException {
        StubEngine engine = StubEngine.endless().pace(Duration.ofNanos(100_000));
        try (TestServer server = TestServer.with(engine, settings -> {
                    settings.maxQueuedTokens = 1_000_000;
                    settings.stallTimeout = Duration.ofMillis(300);
                });
                Socket client = connect(server)) {
            post(client, LONG_STREAM);
            TestServer.await(
                    "the requests are over",
                    () -> server.get("/metrics")
                            .body()
                            .contains("handler=\"/v1/completions\",method=\"POST\",status=\"aborted\"} 1.0"));
            assertThat(engine.active()).isZero();
        }
    }

    @Test
    void aWholeAnswerWaitsForItsReaderWithoutHoldingUpOthers() throws IOException {
        StubEngine engine = StubEngine.endless();
        try (TestServer server = TestServer.with(engine);
                Socket client = connect(server)) {
            post(client, "{\"prompt\":[97],\"max_tokens\":2000,\"logprobs\":20,\"n\":4}");
            TestServer.await("all is generated", () -> engine.emitted() == 4 * 2000 && engine.active() == 0);
            assertThat(server.ask("/v1/completions", "{\"prompt\":\"a\",\"max_tokens\":3}")
                            .at("/choices/0/text")
                            .asText())
                    .isEqualTo("abc");
            String response = readAll(client);
            assertThat(response).endsWith("0\r\n\r\n").contains("\"completion_tokens\":8000");
        }
    }

    @Test
    void tokensThatQueuedComeTogetherWhenTheClientReadsAgain() throws IOException {
        StubEngine engine = StubEngine.endless();
        try (TestServer server = TestServer.with(engine, settings -> settings.maxQueuedTokens = 1_000_000);
                Socket client = connect(server)) {
            post(client, LONG_STREAM);
            TestServer.await(
                    "all is queued",
                    () -> server.get("/metrics")
                            .body()
                            .contains("slayer_generation_tokens_total{model_name=\"tiny\"} 8000"));
            String response = readAll(client);
            assertThat(response).contains("data: [DONE]").doesNotContain("\"error\"");
            assertThat(response.split("\"finish_reason\":\"length\"")).hasSize(5);
            assertThat(response.split("data: ").length).isLessThan(4 * 2000);
        }
    }

    private static Socket connect(TestServer server) throws IOException {
        Socket socket = new Socket();
        socket.setReceiveBufferSize(4096);
        socket.setSoTimeout(30_000);
        socket.connect(new InetSocketAddress(server.server.host(), server.server.port()));
        return socket;
    }

    private static void post(Socket socket, String body) throws IOException {
        String request = "POST /v1/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: "
                + body.length() + "\r\n\r\n" + body;
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
    }

    private static String readAll(Socket socket) throws IOException {
        StringBuilder text = new StringBuilder();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8))) {
            char[] buffer = new char[65_536];
            for (int read = reader.read(buffer); read >= 0; read = reader.read(buffer)) {
                text.append(buffer, 0, read);
            }
        }
        return text.toString();
    }
}
