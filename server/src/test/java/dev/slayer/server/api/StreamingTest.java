package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class StreamingTest {
    private static final String COMPLETIONS = "/v1/completions";
    private static final String CHAT = "/v1/chat/completions";

    @Test
    void sendsAChunkPerTokenThenTheReasonThenDone() {
        try (TestServer server = TestServer.with(StubEngine.saying("añb").pace(Duration.ofMillis(5)))) {
            List<JsonNode> chunks = server.stream(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true}");
            assertThat(texts(chunks)).containsExactly("a", "ñ", "b", "");
            assertThat(chunks).allSatisfy(chunk -> {
                assertThat(chunk.at("/object").asText()).isEqualTo("text_completion");
                assertThat(chunk.at("/id")).isEqualTo(chunks.getFirst().at("/id"));
                assertThat(chunk.has("usage")).isFalse();
            });
            assertThat(chunks.getFirst().at("/choices/0/finish_reason").isNull())
                    .isTrue();
            assertThat(chunks.getLast().at("/choices/0/finish_reason").asText()).isEqualTo("stop");
        }
    }

    @Test
    void isServedAsServerSentEvents() {
        try (TestServer server = TestServer.with(StubEngine.saying("a"))) {
            HttpResponse<String> response = server.post(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true}");
            assertThat(response.headers().firstValue("content-type")).hasValue("text/event-stream; charset=utf-8");
            assertThat(response.headers().firstValue("cache-control")).hasValue("no-cache");
            assertThat(response.body()).endsWith("data: [DONE]\n\n");
        }
    }

    @Test
    void chatOpensWithTheRole() {
        try (TestServer server = TestServer.with(StubEngine.saying("Hey").pace(Duration.ofMillis(2)))) {
            List<JsonNode> chunks = server.stream(
                    CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}],\"stream\":true,\"n\":2}");
            for (int choice = 0; choice < 2; choice++) {
                int index = choice;
                List<JsonNode> mine = chunks.stream()
                        .filter(chunk -> chunk.at("/choices/0/index").asInt() == index)
                        .toList();
                assertThat(mine.getFirst().at("/choices/0/delta"))
                        .hasToString("{\"role\":\"assistant\",\"content\":\"\"}");
                assertThat(mine.stream()
                                .map(chunk ->
                                        chunk.at("/choices/0/delta/content").asText())
                                .collect(Collectors.joining()))
                        .isEqualTo("Hey");
                assertThat(mine.getLast().at("/choices/0/delta")).hasToString("{}");
                assertThat(mine.getLast().at("/choices/0/finish_reason").asText())
                        .isEqualTo("stop");
            }
            assertThat(chunks)
                    .allSatisfy(
                            chunk -> assertThat(chunk.at("/object").asText()).isEqualTo("chat.completion.chunk"));
        }
    }

    @Test
    void includeUsageAddsAChunkWithoutChoices() {
        try (TestServer server = TestServer.with(StubEngine.saying("ab"))) {
            List<JsonNode> chunks = server.stream(
                    COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
            assertThat(chunks.getFirst().get("usage").isNull()).isTrue();
            assertThat(chunks.getLast().get("choices")).isEmpty();
            assertThat(chunks.getLast().at("/usage/prompt_tokens").asInt()).isEqualTo(2);
            assertThat(chunks.getLast().at("/usage/completion_tokens").asInt()).isEqualTo(3);
        }
    }

    @Test
    void echoComesFirstWithItsScoresAndOffsetsGoOn() {
        try (TestServer server = TestServer.with(StubEngine.saying("xy"))) {
            List<JsonNode> chunks = server.stream(
                    COMPLETIONS,
                    "{\"prompt\":[97,98],\"stream\":true,\"echo\":true,\"logprobs\":1,\"return_token_ids\":true}");
            JsonNode opening = chunks.getFirst().at("/choices/0");
            assertThat(opening.at("/text").asText()).isEqualTo("ab");
            assertThat(opening.at("/logprobs/token_logprobs")).hasSize(2);
            assertThat(opening.at("/prompt_token_ids")).hasToString("[97,98]");
            assertThat(chunks.get(1).at("/choices/0/logprobs/text_offset")).hasToString("[2]");
            assertThat(chunks.get(1).at("/choices/0/token_ids")).hasToString("[120]");
            assertThat(chunks.get(2).at("/choices/0/logprobs/text_offset")).hasToString("[3]");
        }
    }

    @Test
    void anErrorMidStreamIsADataEvent() {
        try (TestServer server = TestServer.with(StubEngine.saying("abcdef").failingAt(3))) {
            List<JsonNode> chunks = server.stream(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true}");
            assertThat(texts(chunks.subList(0, 3))).containsExactly("a", "b", "c");
            assertThat(chunks.getLast().at("/error/message").asText()).isEqualTo("The stub failed as told.");
            assertThat(chunks.getLast().at("/error/type").asText()).isEqualTo("server_error");
        }
    }

    @Test
    void anErrorBeforeTheFirstTokenIsAnHttpError() {
        try (TestServer server = TestServer.with(StubEngine.saying("abc").failingAt(0))) {
            HttpResponse<String> response = server.post(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true}");
            assertThat(response.statusCode()).isEqualTo(500);
            assertThat(TestServer.json(response).at("/error/message").asText()).contains("The stub failed");
        }
    }

    @Test
    void oneFailedChoiceEndsTheOthers() {
        // Paced, so that the first sequence would run for 20 s if nobody ended it.
        StubEngine engine =
                StubEngine.endless().pace(Duration.ofMillis(5)).refusing(1, SlayerException.internal("no more", null));
        try (TestServer server = TestServer.with(engine)) {
            HttpResponse<String> response = server.post(COMPLETIONS, "{\"prompt\":\"q\",\"n\":2,\"max_tokens\":4000}");
            assertThat(response.statusCode()).isEqualTo(500);
            TestServer.await("the first sequence is freed", () -> engine.active() == 0);
            assertThat(engine.cancelled()).isEqualTo(1);
        }
    }

    @Test
    void thirtyTwoStreamsAtOnceAreEachWholeAndInOrder() throws Exception {
        try (TestServer server = TestServer.with(StubEngine.endless());
                ExecutorService clients = Executors.newFixedThreadPool(32)) {
            List<Callable<List<JsonNode>>> calls = new ArrayList<>();
            for (int i = 0; i < 32; i++) {
                calls.add(() -> server.stream(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true,\"max_tokens\":520}"));
            }
            String expected = "abcdefghijklmnopqrstuvwxyz".repeat(20);
            for (Future<List<JsonNode>> stream : clients.invokeAll(calls)) {
                assertThat(String.join("", texts(stream.get()))).isEqualTo(expected);
            }
            assertThat(server.engine.active()).isZero();
        }
    }

    @Test
    void theWayFromEngineToClientCostsLessThanAMillisecondPerToken() throws Exception {
        int streams = 32;
        int tokens = 1000;
        try (TestServer server = TestServer.with(StubEngine.endless());
                ExecutorService clients = Executors.newFixedThreadPool(streams)) {
            Callable<Integer> call =
                    () -> server.post(COMPLETIONS, "{\"prompt\":\"q\",\"stream\":true,\"max_tokens\":" + tokens + "}")
                            .body()
                            .length();
            clients.invokeAll(Collections.nCopies(streams, call)); // warms up
            long start = System.nanoTime();
            for (Future<Integer> length : clients.invokeAll(Collections.nCopies(streams, call))) {
                assertThat(length.get()).isGreaterThan(tokens);
            }
            double micros = (System.nanoTime() - start) / 1e3 / (streams * tokens);
            System.out.printf("%d streams: %.1f us per token, client included%n", streams, micros);
            assertThat(micros).isLessThan(1000);
        }
    }

    private static List<String> texts(List<JsonNode> chunks) {
        return chunks.stream()
                .map(chunk -> chunk.at("/choices/0/text").asText())
                .toList();
    }
}
