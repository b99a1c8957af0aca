package dev.slayer.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A real server on a free port over a stub engine, and a real client. */
final class TestServer implements AutoCloseable {
    final StubEngine engine;
    final ApiServer server;
    final ApiParts parts;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    private TestServer(StubEngine engine, Settings settings) {
        this.engine = engine;
        this.parts = settings.parts(engine);
        this.server = ApiServer.start(settings.build(), parts);
    }

    /** Serves models "tiny" (the default) and "org/other". */
    static TestServer with(StubEngine engine) {
        return with(engine, settings -> {});
    }

    static TestServer with(StubEngine engine, Consumer<Settings> change) {
        Settings settings = new Settings();
        change.accept(settings);
        return new TestServer(engine, settings);
    }

    static ServedModel model(String name) {
        return new ServedModel(
                name,
                Instant.ofEpochSecond(1_700_000_000),
                StubEngine.CONFIG,
                Layout.identity(StubEngine.LAYERS),
                StubEngine.TOKENIZER,
                4096);
    }

    URI uri(String path) {
        return URI.create("http://" + server.host() + ":" + server.port() + path);
    }

    HttpResponse<String> get(String path, String... headers) {
        return send(request(path, headers).GET());
    }

    HttpResponse<String> post(String path, String body, String... headers) {
        return send(request(path, headers).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sends bytes as they are; what comes back until the server closes. */
    String raw(String request) {
        try (Socket socket = new Socket(server.host(), server.port())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    HttpRequest.Builder request(String path, String... headers) {
        HttpRequest.Builder request = HttpRequest.newBuilder(uri(path)).timeout(Duration.ofSeconds(60));
        if (headers.length > 0) {
            request.headers(headers);
        }
        return request;
    }

    HttpResponse<String> delete(String path) {
        return send(request(path).DELETE());
    }

    /** The answer to a request that must succeed. */
    JsonNode ask(String path, String body) {
        HttpResponse<String> response = post(path, body);
        if (response.statusCode() != 200) {
            throw new AssertionError(response.statusCode() + ": " + response.body());
        }
        return json(response);
    }

    /** Events of a stream that must succeed and end with [DONE], without that. */
    List<JsonNode> stream(String path, String body) {
        HttpResponse<String> response = post(path, body);
        if (response.statusCode() != 200) {
            throw new AssertionError(response.statusCode() + ": " + response.body());
        }
        List<String> events = new ArrayList<>(Arrays.asList(response.body().split("\n\n")));
        if (!events.removeLast().equals("data: [DONE]")) {
            throw new AssertionError("the stream does not end with [DONE]: " + response.body());
        }
        return events.stream()
                .map(event -> json(event.substring("data: ".length())))
                .toList();
    }

    static JsonNode json(HttpResponse<String> response) {
        return json(response.body());
    }

    static JsonNode json(String text) {
        try {
            return Json.MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError("not JSON: " + text, e);
        }
    }

    /** Waits until something holds; fails after ten seconds. */
    static void await(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("still not so after 60 s: " + what);
            }
            LockSupport.parkNanos(2_000_000);
        }
    }

    @Override
    public void close() {
        server.close();
        engine.close();
        http.close();
    }

    /** Settings that tests change. */
    static final class Settings {
        List<String> apiKeys = List.of();
        List<String> corsOrigins = List.of("*");
        int maxBodyBytes = 1 << 20;
        int maxConcurrentRequests = 200;
        int maxSequences = 64;
        final List<ServedModel> models = new ArrayList<>(List.of(model("tiny"), model("org/other")));
        /** More models, which need not be stubs. */
        List<LoadedCheckpoint> loaded = List.of();

        VariantStore store = VariantStore.inMemory();
        ApiFolders folders = ApiFolders.NONE;
        CheckpointLoader loader = (name, directory) -> new StubCheckpoint(directory).loaded(model(name));
        DeltaLender deltas = (name, delta, over) -> () -> CompletableFuture.completedFuture(null);
        int maxQueuedTokens = 10_000;
        Duration stallTimeout = Duration.ofSeconds(60);

        ApiParts parts(StubEngine engine) {
            List<LoadedCheckpoint> checkpoints = new ArrayList<>(models.stream()
                    .map(model -> new StubCheckpoint(Path.of("/" + model.name())).loaded(model))
                    .toList());
            checkpoints.addAll(loaded);
            return new ApiParts(
                    checkpoints,
                    loader,
                    deltas,
                    folders,
                    store,
                    engine,
                    new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        }

        ApiSettings build() {
            return new ApiSettings(
                    "127.0.0.1",
                    0,
                    apiKeys,
                    corsOrigins,
                    maxBodyBytes,
                    maxConcurrentRequests,
                    maxSequences,
                    20,
                    maxQueuedTokens,
                    stallTimeout);
        }
    }
}
