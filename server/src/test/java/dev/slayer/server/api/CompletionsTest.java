package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

class CompletionsTest {
    private static final String PATH = "/v1/completions";

    @Test
    void answersWithTextUsageAndFinishReason() {
        try (TestServer server = TestServer.with(StubEngine.saying(" world é"))) {
            JsonNode answer = server.ask(PATH, "{\"model\":\"tiny\",\"prompt\":\"Hello\",\"max_tokens\":50}");
            assertThat(answer.at("/object").asText()).isEqualTo("text_completion");
            assertThat(answer.at("/id").asText()).startsWith("cmpl-");
            assertThat(answer.at("/model").asText()).isEqualTo("tiny");
            assertThat(answer.at("/choices/0/text").asText()).isEqualTo(" world é");
            assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(answer.at("/choices/0/stop_reason").isNull()).isTrue();
            assertThat(answer.at("/choices/0/logprobs").isNull()).isTrue();
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(6);
            assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(10);
            assertThat(answer.at("/usage/total_tokens").asInt()).isEqualTo(16);
        }
    }
}
