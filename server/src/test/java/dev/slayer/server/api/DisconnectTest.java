package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DisconnectTest {
    @Test
    void aStreamingClientThatGoesAwayFreesItsSequences() throws IOException {
        StubEngine engine = StubEngine.endless().pace(Duration.ofMillis(2));
        try (TestServer server = TestServer.with(engine)) {
            try (Socket client = post(server, "{\"prompt\":\"a\",\"stream\":true,\"n\":3,\"max_tokens\":4000}")) {
                InputStream in = client.getInputStream();
                assertThat(in.readNBytes(200)).hasSize(200);
            }
            TestServer.await("three sequences are cancelled", () -> engine.cancelled() == 3 && engine.active() == 0);
        }
    }

    @Test
    void aWaitingClientThatGoesAwayFreesItsSequencesToo() throws IOException {
        StubEngine engine = StubEngine.endless().pace(Duration.ofMillis(2));
        try (TestServer server = TestServer.with(engine)) {
            try (Socket client = post(server, "{\"prompt\":\"a\",\"max_tokens\":4000}")) {
                TestServer.await("it runs", () -> engine.active() == 1);
                assertThat(client.isConnected()).isTrue();
            }
            TestServer.await("it is cancelled", () -> engine.cancelled() == 1 && engine.active() == 0);
        }
    }

    @Test
    void halfOfSixtyClientsGoAwayAndTheOthersNoticeNothing() throws IOException {
        StubEngine engine = StubEngine.endless().pace(Duration.ofMillis(1));
        try (TestServer server = TestServer.with(engine)) {
            List<Socket> clients = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                clients.add(post(server, "{\"prompt\":\"a\",\"stream\":" + (i % 3 > 0) + ",\"max_tokens\":260}"));
            }
            TestServer.await("all run", () -> engine.seen().size() == 60);
            for (int i = 0; i < 60; i += 2) {
                clients.get(i).close();
            }
            for (int i = 1; i < 60; i += 2) {
                String response = new String(clients.get(i).getInputStream().readAllBytes(), StandardCharsets.UTF_8);
                assertThat(response).contains("\"finish_reason\":\"length\"");
                clients.get(i).close();
            }
            TestServer.await("nothing runs any more", () -> engine.active() == 0);
            assertThat(engine.cancelled()).isLessThanOrEqualTo(30);
        }
    }

    private static Socket post(TestServer server, String body) throws IOException {
        Socket socket = new Socket(server.server.host(), server.server.port());
        socket.setSoTimeout(30_000);
        String request = "POST /v1/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: "
                + body.length() + "\r\n\r\n" + body;
        socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
        return socket;
    }
}
