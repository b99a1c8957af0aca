package dev.slayer.clients;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A client of a Slayer server. Thread-safe; make one and share it. Calls block until the answer is there; streams block in
 * {@link EventStream#hasNext()}. Every failure is a {@link SlayerClientException}.
 */
public final class SlayerClient implements AutoCloseable {
    private static final long MAX_RESPONSE_BYTES = 512L << 20;
    private static final long MAX_ERROR_BYTES = 1 << 20;
    private static final Map<String, Object> WITH_USAGE = Map.of("include_usage", true);

    private final String root;
    private final Optional<String> apiKey;
    private final Duration timeout;
    private final HttpClient http;

    private SlayerClient(Builder builder) {
        this.root = builder.root;
        this.apiKey = builder.apiKey;
        this.timeout = builder.timeout;
        HttpClient.Builder settings =
                HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(builder.connectTimeout);
        builder.executor.ifPresent(settings::executor);
        this.http = settings.build();
    }

    /** A client with the usual settings: no key, 10 s to connect, 5 minutes for an answer. */
    public static SlayerClient connect(String url) {
        return at(url).build();
    }

    /**
     * Begins a client with settings of its own.
     *
     * @param url where the server is, {@code http://127.0.0.1:8000}; a trailing {@code /v1} is dropped; a path such as
     *     {@code /m/slayer-tiny@remove=3} puts every call to that variant
     * @throws IllegalArgumentException if it is no http or https URL
     */
    public static Builder at(String url) {
        return new Builder(url);
    }

    /** All models of the server. */
    public List<Model> models() {
        record ModelList(List<Model> data) {}
        ModelList answer = call(get("/v1/models"), ModelList.class);
        return answer.data() == null ? List.of() : answer.data();
    }

    /** One model, by its id. */
    public Model model(String id) {
        return call(get("/v1/models/" + ServerUrl.pathSegment(id)), Model.class);
    }

    /** Completes a prompt. */
    public Completion complete(CompletionRequest request) {
        return call(post("/v1/completions", request), Completion.class);
    }

    /**
     * Completes a prompt, and reads of the answer only what a record of the caller has, by the API's names in camelCase: log-probabilities
     * of long prompts are much text.
     */
    public <T> T complete(CompletionRequest request, Class<T> shape) {
        return call(post("/v1/completions", request), shape);
    }

    /** Completes a prompt piece by piece; the last piece carries usage. */
    public EventStream<Completion> stream(CompletionRequest request) {
        return open(
                post("/v1/completions", request.with("stream", true).with("stream_options", WITH_USAGE)),
                Completion.class);
    }

    /** Answers a conversation. */
    public ChatCompletion chat(ChatRequest request) {
        return call(post("/v1/chat/completions", request), ChatCompletion.class);
    }

    /** Answers a conversation piece by piece; the last piece carries usage. */
    public EventStream<ChatChunk> stream(ChatRequest request) {
        return open(
                post("/v1/chat/completions", request.with("stream", true).with("stream_options", WITH_USAGE)),
                ChatChunk.class);
    }

    /** Compares models: their answers, and how far their expectations are apart. */
    public AbComparison compare(AbRequest request) {
        return call(post("/v1/ab", request.with("stream", false)), AbComparison.class);
    }

    /** Compares models piece by piece. */
    public EventStream<AbEvent> stream(AbRequest request) {
        return open(post("/v1/ab", request.with("stream", true)), AbEvent.class);
    }

    /**
     * Tokens of a text.
     *
     * @param addSpecialTokens let the tokenizer put its beginning-of-sequence token in front
     */
    public Tokens tokenize(String model, String text, boolean addSpecialTokens) {
        Map<String, Object> body = new HashMap<>();
        body.put("model", model);
        body.put("prompt", text);
        body.put("add_special_tokens", addSpecialTokens);
        return call(post("/tokenize", body), Tokens.class);
    }

    /** Text of tokens. */
    public String detokenize(String model, List<Integer> tokens) {
        record Text(String prompt) {}
        return call(post("/detokenize", Map.of("model", model, "tokens", tokens)), Text.class)
                .prompt();
    }

    /** The server's version. */
    public String version() {
        record Version(String version) {}
        return call(get("/version"), Version.class).version();
    }

    /** Ends all calls and streams of this client. */
    @Override
    public void close() {
        http.shutdownNow();
    }

    private HttpRequest get(String path) {
        return request(path).GET().build();
    }

    private HttpRequest post(String path, Object body) {
        return request(path)
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(Json.encode(body)))
                .build();
    }

    private HttpRequest.Builder request(String path) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(root + path)).timeout(timeout);
        apiKey.ifPresent(key -> request.header("Authorization", "Bearer " + key));
        return request;
    }

    private <T> T call(HttpRequest request, Class<T> type) {
        HttpResponse<byte[]> response = await(http.sendAsync(
                request,
                HttpResponse.BodyHandlers.limiting(HttpResponse.BodyHandlers.ofByteArray(), MAX_RESPONSE_BYTES)));
        if (response.statusCode() / 100 != 2) {
            throw ServerErrors.of(response, response.body());
        }
        return Json.decode(new String(response.body(), StandardCharsets.UTF_8), type);
    }

    private <T> EventStream<T> open(HttpRequest request, Class<T> type) {
        HttpResponse<StreamBody> response = await(http.sendAsync(request, SlayerClient::streamBody));
        return switch (response.body()) {
            case StreamBody.Events(EventBody events) ->
                new EventStream<>(events, timeout, data -> Json.decodePiece(data, type));
            case StreamBody.Refusal(byte[] bytes) -> throw ServerErrors.of(response, bytes);
        };
    }

    /** A streaming call is answered by events, or refused by an ordinary body. */
    private sealed interface StreamBody {
        record Events(EventBody events) implements StreamBody {}

        record Refusal(byte[] bytes) implements StreamBody {}
    }

    private static HttpResponse.BodySubscriber<StreamBody> streamBody(HttpResponse.ResponseInfo info) {
        if (info.statusCode() / 100 == 2) {
            return HttpResponse.BodySubscribers.mapping(new EventBody(), StreamBody.Events::new);
        }
        return HttpResponse.BodySubscribers.mapping(
                HttpResponse.BodySubscribers.limiting(HttpResponse.BodySubscribers.ofByteArray(), MAX_ERROR_BYTES),
                StreamBody.Refusal::new);
    }

    private <T> HttpResponse<T> await(CompletableFuture<HttpResponse<T>> answer) {
        try {
            return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            answer.cancel(true);
            throw timedOut(e);
        } catch (InterruptedException e) {
            answer.cancel(true);
            Thread.currentThread().interrupt();
            throw SlayerClientException.withoutAnswer("interrupted", "Interrupted while waiting for the answer.", e);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            if (cause instanceof HttpTimeoutException && !(cause instanceof HttpConnectTimeoutException)) {
                throw timedOut(cause);
            }
            String reason = cause instanceof IOException ? "" : " unexpectedly";
            throw SlayerClientException.withoutAnswer(
                    "connection_failed", "The call to " + root + " failed" + reason + ": " + describe(cause), cause);
        }
    }

    private SlayerClientException timedOut(Throwable cause) {
        return SlayerClientException.withoutAnswer(
                "timeout", root + " did not answer within " + timeout.toMillis() + " ms.", cause);
    }

    private static String describe(Throwable cause) {
        String name = cause.getClass().getSimpleName();
        return cause.getMessage() == null ? name : name + ": " + cause.getMessage();
    }

    /** Settings of a client. */
    public static final class Builder {
        private final String root;
        private Optional<String> apiKey = Optional.empty();
        private Duration timeout = Duration.ofMinutes(5);
        private Duration connectTimeout = Duration.ofSeconds(10);
        private Optional<Executor> executor = Optional.empty();

        private Builder(String url) {
            this.root = ServerUrl.root(url);
        }

        /** The key to send as bearer token. */
        public Builder apiKey(String key) {
            this.apiKey = Optional.of(key);
            return this;
        }

        /** Longest wait for a whole answer, and for the next piece of a stream. */
        public Builder timeout(Duration longest) {
            this.timeout = Objects.requireNonNull(longest);
            return this;
        }

        /** Longest wait for a connection. */
        public Builder connectTimeout(Duration longest) {
            this.connectTimeout = Objects.requireNonNull(longest);
            return this;
        }

        /** Threads for the HTTP client's own work; by default it has some of its own. */
        public Builder executor(Executor threads) {
            this.executor = Optional.of(threads);
            return this;
        }

        /** The client. */
        public SlayerClient build() {
            return new SlayerClient(this);
        }
    }
}
