package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.api.OpenAiClient;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The openai client for Python, and our own, against assembled servers with slayer-tiny. */
@Timeout(600)
class OpenAiServerTest {
    private static final String KEY = "a-key";

    private static RunningServer start(EngineSettings engine, List<String> keys, int maxRequests) {
        return new Server()
                .start(new ServeSettings(
                        List.of(new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"))),
                        WeightType.FP32,
                        2,
                        engine,
                        DerivedBlocks.DEFAULTS,
                        new HttpSettings("127.0.0.1", 0, keys, List.of(), 1 << 20, maxRequests),
                        FolderSettings.NONE,
                        Duration.ofSeconds(10),
                        LogLevel.WARN));
    }

    @Test
    void theOpenAiPythonClientIsContentWithTheRealServer() throws Exception {
        try (RunningServer server = start(new EngineSettings(32, 1000, 128, 1L << 28), List.of(KEY), 100);
                RunningServer busy = start(new EngineSettings(1, 1, 128, 1L << 28), List.of(), 1);
                Socket _ = onlyPlaceOf(busy)) {
            OpenAiClient.Result result = OpenAiClient.check(Map.of(
                    "SLAYER_BASE_URL", server.url() + "/v1",
                    "SLAYER_API_KEY", KEY,
                    "SLAYER_BUSY_BASE_URL", busy.url() + "/v1"));
            assertThat(result.exitCode()).as(result.output()).isZero();
            assertThat(result.output()).doesNotContain("skipped");
        }
    }

    /** Takes the one place for a request by announcing a body that does not come; the server waits for it for a minute. */
    private static Socket onlyPlaceOf(RunningServer server) throws IOException {
        Socket socket = new Socket(server.url().getHost(), server.url().getPort());
        String head =
                "POST /v1/completions HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
        socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
        byte[] answer = socket.getInputStream().readNBytes("HTTP/1.1 100".length());
        assertThat(new String(answer, StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 100");
        return socket;
    }

    @Test
    void aRequestThatFindsTheQueueFullIsToldSoAndTheOthersGoOn() {
        CompletionRequest slow = CompletionRequest.of("slayer-tiny", "Once upon a time")
                .maxTokens(1000)
                .ignoreEos();
        try (RunningServer server = start(new EngineSettings(1, 1, 128, 1L << 28), List.of(), 100);
                SlayerClient client = SlayerClient.connect(server.url().toString());
                EventStream<Completion> runs = client.stream(slow)) {
            assertThat(runs.next().choices()).hasSize(1);
            assertThatThrownBy(() -> client.complete(slow.with("n", 2)))
                    .isInstanceOfSatisfying(SlayerClientException.class, refused -> {
                        assertThat(refused.status()).isEqualTo(429);
                        assertThat(refused).hasMessageContaining("queue is full");
                    });
            assertThat(runs.next().choices()).hasSize(1);
        }
    }
}
