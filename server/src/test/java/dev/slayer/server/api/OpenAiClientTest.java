package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class OpenAiClientTest {
    @Test
    void theOpenAiPythonClientIsContent() throws Exception {
        SlayerException full = new SlayerException(429, "rate_limit_exceeded", null, "The queue is full.", null);
        try (TestServer server = TestServer.with(
                        StubEngine.saying("Forty-two é!"), settings -> settings.apiKeys = List.of("key"));
                TestServer busy = TestServer.with(StubEngine.saying("x").refusing(0, full))) {
            OpenAiClient.Result result = OpenAiClient.check(Map.of(
                    "SLAYER_BASE_URL",
                    server.uri("/v1").toString(),
                    "SLAYER_API_KEY",
                    "key",
                    "SLAYER_BUSY_BASE_URL",
                    busy.uri("/v1").toString()));
            assertThat(result.exitCode()).as(result.output()).isZero();
            assertThat(result.output()).doesNotContain("skipped");
        }
    }
}
