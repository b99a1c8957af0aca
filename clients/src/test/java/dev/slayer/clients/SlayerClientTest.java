package dev.slayer.clients;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SlayerClientTest {
    private final TestServer server = new TestServer();
    private final SlayerClient client = SlayerClient.connect(server.url());

    @AfterEach
    void stop() {
        client.close();
        server.close();
    }

    @Test
    void modelsAreReadWithFieldsTheClientDoesNotKnow() {
        server.answer("/v1/models", 200, """
                {"object":"list","data":[{"id":"tiny","object":"model","created":7,"owned_by":"slayer",
                 "parent":"base","max_model_len":1024,"permission":[{}]}]}""");
        assertThat(client.models()).containsExactly(new Model("tiny", 7, "slayer", "base", 1024));
    }

    @Test
    void aModelIdIsOneSegmentOfThePath() {
        server.answer("/v1/models/", 200, "{\"id\":\"org/a b\"}");
        assertThat(client.model("org/a b").id()).isEqualTo("org/a b");
        assertThat(server.received().path()).isEqualTo("/v1/models/org%2Fa%20b");
    }

    @Test
    void aCompletionSendsItsParametersBesideTheModelAndReadsTheAnswer() {
        server.answer("/v1/completions", 200, """
                {"id":"cmpl-1","object":"text_completion","created":1,"model":"tiny","choices":[{"index":0,"text":" there",
                 "finish_reason":"length","logprobs":{"tokens":["a"],"token_logprobs":[null],"top_logprobs":[null],
                 "text_offset":[0]}}],"usage":{"prompt_tokens":2,"completion_tokens":1,"total_tokens":3,
                 "prompt_tokens_details":{"cached_tokens":2}}}""");
        Completion answer = client.complete(CompletionRequest.of("tiny@remove=3", new int[] {1, 51})
                .maxTokens(1)
                .temperature(0)
                .seed(5)
                .stop("x")
                .with("top_k", 3));
        assertThat(answer.text()).isEqualTo(" there");
        assertThat(answer.choices().getFirst().finishReason()).isEqualTo("length");
        assertThat(answer.choices().getFirst().logprobs().tokenLogprobs()).containsExactly((Double) null);
        assertThat(answer.usage()).isEqualTo(new Usage(2, 1, 3, new Usage.PromptTokensDetails(2)));
        String sent = server.received().body();
        assertThat(Json.lenientTree(sent.getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(Json.lenientTree("""
                        {"model":"tiny@remove=3","prompt":[1,51],"max_tokens":1,"temperature":0.0,"seed":5,"stop":["x"],"top_k":3}""".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void aComparisonIsReadEventByEventAndOneOfANewerServerDoesNoHarm() {
        server.stream(
                "/v1/ab",
                "{\"type\":\"token\",\"prompt\":0,\"variant\":\"base\",\"text\":\" a\",\"token\":5,\"logprob\":-0.5}",
                "{\"type\":\"failure\",\"variant\":\"b\",\"status\":507,\"code\":\"full\",\"message\":\"No room.\"}",
                "{\"type\":\"news\",\"what\":1}",
                "{\"type\":\"answer\",\"prompt\":0,\"variant\":\"base\",\"text\":\" a\",\"finish_reason\":\"stop\","
                        + "\"tokens\":[{\"token\":5,\"text\":\" a\",\"logprobs\":{\"base\":-0.5,\"c\":-0.75}}]}",
                "{\"type\":\"summary\",\"prompt\":null,\"reference\":\"base\",\"reference_layout\":\"0-1\",\"variants\":["
                        + "{\"variant\":\"c\",\"layout\":\"0\",\"tokens\":1,\"mean_kl\":0.25,\"top1_agreement\":1.0,"
                        + "\"perplexity\":2.5,\"reference_perplexity\":2.0,\"perplexity_difference\":0.5}]}",
                "[DONE]");
        List<AbEvent> events = new ArrayList<>();
        try (EventStream<AbEvent> stream =
                client.stream(AbRequest.of("Hi", "base", "b", "c").maxTokens(1))) {
            stream.forEachRemaining(events::add);
        }
        assertThat(events)
                .containsExactly(
                        new AbEvent.Token(0, "base", " a", 5, -0.5),
                        new AbEvent.Failure("b", 507, "full", "No room."),
                        new AbEvent.Unknown(),
                        new AbEvent.Answer(
                                0,
                                "base",
                                " a",
                                List.of(new AbEvent.ScoredToken(5, " a", Map.of("base", -0.5, "c", -0.75))),
                                "stop"),
                        new AbEvent.Summary(
                                null,
                                "base",
                                "0-1",
                                List.of(new AbEvent.Distance("c", "0", 1, null, 0.25, 1, 2.5, 2, 0.5))));
        String sent = server.received().body();
        assertThat(Json.lenientTree(sent.getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(Json.lenientTree("""
                        {"variants":["base","b","c"],"prompts":["Hi"],"max_tokens":1,"stream":true}""".getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void aWholeComparisonIsOneAnswer() {
        server.answer("/v1/ab", 200, """
                {"object":"ab","answers":[{"prompt":0,"variant":"a","text":"x","tokens":[],"finish_reason":"length"}],
                 "failures":[],"summaries":[{"prompt":0,"reference":"a","reference_layout":"0-1","variants":[]}]}""");
        AbComparison whole = client.compare(AbRequest.of("Hi", "a", "a@remove=1"));
        assertThat(whole.answers()).containsExactly(new AbEvent.Answer(0, "a", "x", List.of(), "length"));
        assertThat(whole.summaries()).containsExactly(new AbEvent.Summary(0, "a", "0-1", List.of()));
        assertThat(server.received().body()).contains("\"stream\":false");
    }

    @Test
    void aChatSendsTheConversation() {
        server.answer(
                "/v1/chat/completions",
                200,
                "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}");
        ChatCompletion answer = client.chat(ChatRequest.of("tiny", ChatMessage.system("S"), ChatMessage.user("Q"))
                .maxTokens(4));
        assertThat(answer.text()).isEqualTo("hi");
        assertThat(server.received().body())
                .contains(
                        "\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"Q\"}]")
                .contains("\"max_tokens\":4");
    }

    @Test
    void anAnswerIsReadIntoAShapeOfTheCaller() {
        record Shape(List<Piece> choices) {
            record Piece(String finishReason) {}
        }
        server.answer("/v1/completions", 200, """
                {"id":"c","choices":[{"index":0,"text":"a","finish_reason":"stop","logprobs":{"tokens":["a"]}}]}""");
        Shape answer = client.complete(CompletionRequest.of("tiny", "x"), Shape.class);
        assertThat(answer).isEqualTo(new Shape(List.of(new Shape.Piece("stop"))));
    }

    @Test
    void aStreamGivesItsPiecesAndTheUsageAtTheEnd() {
        server.stream(
                "/v1/completions",
                "{\"choices\":[{\"index\":0,\"text\":\"a\",\"token_ids\":[7],\"finish_reason\":null}]}",
                "{\"choices\":[{\"index\":0,\"text\":\"b\",\"token_ids\":[8],\"finish_reason\":\"stop\"}],\"usage\":null}",
                "{\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}",
                "[DONE]");
        List<Completion> pieces = new ArrayList<>();
        try (EventStream<Completion> stream =
                client.stream(CompletionRequest.of("tiny", "x").returnTokenIds())) {
            stream.forEachRemaining(pieces::add);
            assertThat(stream.hasNext()).isFalse();
        }
        assertThat(pieces).extracting(Completion::text).containsExactly("a", "b", "");
        assertThat(pieces.getFirst().choices().getFirst().tokenIds()).containsExactly(7);
        assertThat(pieces.getLast().usage()).isEqualTo(new Usage(1, 2, 3, null));
        assertThat(pieces.getLast().usage().cachedTokens()).isZero();
        assertThat(server.received().body())
                .contains("\"stream\":true")
                .contains("\"stream_options\":{\"include_usage\":true}");
    }

    @Test
    void aChatStreamGivesDeltas() {
        server.stream(
                "/v1/chat/completions",
                "{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}",
                "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"}}]}",
                "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}",
                "[DONE]");
        StringBuilder text = new StringBuilder();
        try (EventStream<ChatChunk> stream = client.stream(ChatRequest.of("tiny", ChatMessage.user("Q")))) {
            stream.forEachRemaining(piece -> text.append(piece.text()));
        }
        assertThat(text).hasToString("hi");
    }

    @Test
    void anErrorOfTheServerBecomesAnExceptionWithEverythingItSays() {
        server.on("/v1/completions", exchange -> {
            exchange.getResponseHeaders().add("Retry-After", "3");
            TestServer.send(
                    exchange,
                    429,
                    "{\"error\":{\"message\":\"The queue is full.\",\"type\":\"rate_limit_error\",\"code\":\"queue_full\",\"param\":null}}");
        });
        CompletionRequest request = CompletionRequest.of("tiny", "x");
        for (SlayerClientException error : List.of(
                failure(() -> client.complete(request)),
                failure(() -> client.stream(request).close()))) {
            assertThat(error.status()).isEqualTo(429);
            assertThat(error.code()).isEqualTo("queue_full");
            assertThat(error.type()).contains("rate_limit_error");
            assertThat(error.param()).isEmpty();
            assertThat(error.retryAfter()).contains(Duration.ofSeconds(3));
            assertThat(error).hasMessage("The queue is full.");
        }
    }

    @Test
    void anErrorThatIsNoErrorObjectIsQuoted() {
        server.answer("/version", 502, "<html>Bad gateway</html>");
        SlayerClientException error = failure(client::version);
        assertThat(error.status()).isEqualTo(502);
        assertThat(error).hasMessageContaining("502").hasMessageContaining("Bad gateway");
    }

    @Test
    void anErrorInsideAStreamIsThrownWhereItComes() {
        server.stream(
                "/v1/completions",
                "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}",
                "{\"error\":{\"message\":\"Out of memory.\",\"type\":\"server_error\",\"code\":\"internal_error\"}}");
        try (EventStream<Completion> stream = client.stream(CompletionRequest.of("tiny", "x"))) {
            assertThat(stream.next().text()).isEqualTo("a");
            SlayerClientException error = failure(stream::hasNext);
            assertThat(error.code()).isEqualTo("internal_error");
            assertThat(error).hasMessage("Out of memory.");
        }
    }

    @Test
    void aStreamThatEndsBeforeDoneIsAnError() {
        server.stream("/v1/completions", "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}");
        try (EventStream<Completion> stream = client.stream(CompletionRequest.of("tiny", "x"))) {
            assertThat(stream.next().text()).isEqualTo("a");
            assertThat(failure(stream::hasNext).code()).isEqualTo("connection_failed");
        }
    }

    @Test
    void closingAStreamClosesTheConnection() throws Exception {
        CompletableFuture<IOException> seen = new CompletableFuture<>();
        server.on("/v1/completions", exchange -> {
            TestServer.beginStream(exchange);
            try {
                while (!Thread.currentThread().isInterrupted()) {
                    TestServer.sendEvent(exchange, "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}");
                }
            } catch (IOException e) {
                seen.complete(e);
            }
        });
        try (EventStream<Completion> stream = client.stream(CompletionRequest.of("tiny", "x"))) {
            assertThat(stream.next().text()).isEqualTo("a");
        }
        assertThat(seen.get(20, TimeUnit.SECONDS)).isInstanceOf(IOException.class);
    }

    @Test
    void closingFromAnotherThreadWakesTheReader() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        server.on("/v1/completions", exchange -> {
            TestServer.beginStream(exchange);
            TestServer.sendEvent(exchange, "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}");
            awaitQuietly(end);
        });
        EventStream<Completion> stream = client.stream(CompletionRequest.of("tiny", "x"));
        stream.next();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<SlayerClientException> reader = threads.submit(() -> failure(stream::hasNext));
            stream.close();
            assertThat(reader.get(20, TimeUnit.SECONDS).code()).isEqualTo("closed");
        } finally {
            end.countDown();
        }
    }

    @Test
    void aSilentServerRunsIntoTheTimeoutInCallsAndInStreams() {
        CountDownLatch end = new CountDownLatch(1);
        server.on("/version", exchange -> awaitQuietly(end));
        server.on("/v1/completions", exchange -> {
            TestServer.beginStream(exchange);
            TestServer.sendEvent(exchange, "{\"choices\":[{\"index\":0,\"text\":\"a\"}]}");
            awaitQuietly(end);
        });
        try (SlayerClient hasty =
                SlayerClient.at(server.url()).timeout(Duration.ofMillis(500)).build()) {
            assertThat(failure(hasty::version).code()).isEqualTo("timeout");
            try (EventStream<Completion> stream = hasty.stream(CompletionRequest.of("tiny", "x"))) {
                stream.next();
                assertThat(failure(stream::hasNext).code()).isEqualTo("timeout");
            }
        } finally {
            end.countDown();
        }
    }

    @Test
    void nobodyListeningIsAFailedConnection() throws IOException {
        int free;
        try (ServerSocket socket = new ServerSocket(0)) {
            free = socket.getLocalPort();
        }
        try (SlayerClient lonely = SlayerClient.connect("http://127.0.0.1:" + free)) {
            SlayerClientException error = failure(lonely::models);
            assertThat(error.code()).isEqualTo("connection_failed");
            assertThat(error.status()).isZero();
            assertThat(error).hasMessageContaining("http://127.0.0.1:" + free);
        }
    }

    @Test
    void anAnswerThatIsNotWhatTheApiPromisesIsAnError() {
        server.answer("/v1/models", 200, "[1,2");
        assertThat(failure(client::models).code()).isEqualTo("invalid_response");
    }

    @Test
    void theKeyIsSentAsBearerTokenAndThePathOfTheUrlIsKept() {
        server.answer("/m/tiny@remove=3/tokenize", 200, "{\"count\":2,\"max_model_len\":64,\"tokens\":[5,6]}");
        try (SlayerClient keyed = SlayerClient.at(server.url() + "/m/tiny@remove=3/v1/")
                .apiKey("secret")
                .build()) {
            Tokens tokens = keyed.tokenize("tiny", "hello", false);
            assertThat(tokens.ids()).containsExactly(5, 6);
            assertThat(tokens.maxModelLen()).isEqualTo(64);
        }
        TestServer.Received sent = server.received();
        assertThat(sent.authorization()).isEqualTo("Bearer secret");
        assertThat(sent.path()).isEqualTo("/m/tiny@remove=3/tokenize");
        assertThat(sent.body()).contains("\"add_special_tokens\":false");
    }

    @Test
    void detokenizeGivesTheText() {
        server.answer("/detokenize", 200, "{\"prompt\":\" hello\"}");
        assertThat(client.detokenize("tiny", List.of(5, 6))).isEqualTo(" hello");
    }

    @Test
    void urlsThatAreNoneAreRefusedWithAnExample() {
        for (String url : List.of("localhost:8000", "ftp://x", "http:///v1", "http://x/?a=b", "http://x y")) {
            assertThatThrownBy(() -> SlayerClient.at(url))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(url)
                    .hasMessageContaining("http://127.0.0.1:8000");
        }
    }

    private static SlayerClientException failure(ThrowingCallable call) {
        SlayerClientException error = catchThrowableOfType(SlayerClientException.class, call);
        assertThat(error).as("nothing was thrown").isNotNull();
        return error;
    }

    private static void awaitQuietly(CountDownLatch end) {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
