package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.Engine;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.store.VariantStore;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import io.micrometer.core.instrument.Counter;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** A server over a real engine and models without weights: "tiny" (the default), and "huge", whose vocabulary is too large. */
final class AbServer implements AutoCloseable {
    final LayoutRunner runner;
    final Engine engine;
    final ApiServer server;
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final HttpClient http = HttpClient.newHttpClient();

    AbServer() {
        this(settings -> {});
    }

    AbServer(Consumer<TestServer.Settings> change) {
        TestServer.Settings settings = new TestServer.Settings();
        change.accept(settings);
        KvPool pool = new KvPool(1L << 24);
        runner = new LayoutRunner(pool, StubEngine.CONFIG);
        ModelConfig large = hugeConfig();
        ServedModel huge =
                new ServedModel("huge", Instant.EPOCH, large, Layout.identity(8), StubEngine.TOKENIZER, 4096);
        engine = Engine.start(
                new EngineSettings(32, 100, 32, 1L << 24),
                pool,
                List.of(
                        new EngineModel("tiny", runner, StubEngine.TOKENIZER.vocabulary()),
                        new EngineModel("huge", new LayoutRunner(pool, large), StubEngine.TOKENIZER.vocabulary())),
                registry);
        server = ApiServer.start(
                settings.build(),
                new ApiParts(
                        List.of(
                                new StubCheckpoint(Path.of("/tiny")).loaded(TestServer.model("tiny")),
                                new StubCheckpoint(Path.of("/huge")).loaded(huge)),
                        settings.loader,
                        settings.deltas,
                        ApiFolders.NONE,
                        VariantStore.inMemory(),
                        engine,
                        registry));
    }

    private static ModelConfig hugeConfig() {
        ModelConfig tiny = StubEngine.CONFIG;
        return new ModelConfig(
                tiny.architecture(),
                tiny.hiddenSize(),
                tiny.layers(),
                tiny.heads(),
                tiny.kvHeads(),
                tiny.headDim(),
                tiny.intermediateSize(),
                200_000,
                tiny.contextLength(),
                tiny.rmsNormEps(),
                tiny.rope(),
                tiny.slidingWindow(),
                tiny.tiedEmbeddings(),
                tiny.bosTokenId(),
                tiny.eosTokenIds());
    }

    HttpResponse<String> post(String body) {
        return post("/v1/ab", body);
    }

    HttpResponse<String> post(String path, String body) {
        try {
            URI uri = URI.create("http://" + server.host() + ":" + server.port() + path);
            return http.send(
                    HttpRequest.newBuilder(uri)
                            .POST(HttpRequest.BodyPublishers.ofString(body))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Events of a stream that must succeed and end with [DONE], without that. */
    List<JsonNode> stream(String body) {
        HttpResponse<String> response = post(body);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        assertThat(response.headers().firstValue("content-type").orElseThrow()).startsWith("text/event-stream");
        List<String> events = new ArrayList<>(Arrays.asList(response.body().split("\n\n")));
        assertThat(events.removeLast()).isEqualTo("data: [DONE]");
        return events.stream()
                .map(event -> TestServer.json(event.substring("data: ".length())))
                .toList();
    }

    static List<JsonNode> of(List<JsonNode> events, String type) {
        return events.stream()
                .filter(event -> event.get("type").asText().equals(type))
                .toList();
    }

    /** A client that has sent its request and takes little at a time. */
    Socket socket(String body) throws IOException {
        Socket client = new Socket();
        client.setReceiveBufferSize(1024);
        client.connect(new InetSocketAddress(server.host(), server.port()));
        client.setSoTimeout(30_000);
        String head = "POST /v1/ab HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ";
        client.getOutputStream().write((head + body.length() + "\r\n\r\n" + body).getBytes(StandardCharsets.UTF_8));
        return client;
    }

    int running() {
        return engine.status().running();
    }

    /** Sequences that the server has cancelled. */
    double aborted() {
        return registry.find("slayer_request_success").tag("finished_reason", "abort").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }

    void awaitNothingRuns() {
        TestServer.await(
                "nothing runs and no KV is held",
                () -> running() + engine.status().waiting() == 0
                        && engine.status().kvBytesUsed() == 0);
    }

    @Override
    public void close() {
        server.close();
        engine.close();
        http.close();
    }
}
