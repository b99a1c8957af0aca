package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/** A whole server over checkpoints of test-data, and a plain HTTP client. */
final class LiveServer implements AutoCloseable {
    static final ObjectMapper JSON = new ObjectMapper();
    static final long PREFIX_CACHE = 64 << 20;

    private final RunningServer server;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    /**
     * With a prefix cache, as servers have one.
     *
     * @param models directories by name; the first is the default model
     */
    LiveServer(Map<String, Path> models) {
        this(models, PREFIX_CACHE);
    }

    /** @param prefixBytes memory of the prefix cache; 0 is none */
    LiveServer(Map<String, Path> models, long prefixBytes) {
        List<ModelSource> sources = models.entrySet().stream()
                .map(model -> new ModelSource(model.getKey(), model.getValue()))
                .toList();
        server = new Server()
                .start(new ServeSettings(
                        sources,
                        WeightType.FP32,
                        2,
                        new EngineSettings(32, 1000, 128, 1L << 28, prefixBytes),
                        DerivedBlocks.DEFAULTS,
                        new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 1000),
                        FolderSettings.NONE,
                        Duration.ofSeconds(10),
                        LogLevel.WARN));
    }

    URI url() {
        return server.url();
    }

    HttpResponse<String> post(String path, String body, String... headers) {
        return send(request(path, headers).POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    HttpResponse<String> get(String path) {
        return send(request(path).GET());
    }

    private HttpRequest.Builder request(String path, String... headers) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(server.url().resolve(path)).timeout(Duration.ofMinutes(2));
        return headers.length == 0 ? request : request.headers(headers);
    }

    private HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The answer to a request that must succeed. */
    JsonNode ask(String path, ObjectNode body) {
        return json(post(path, body.toString()));
    }

    /** The body of an answer of status 200. */
    static JsonNode json(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        try {
            return JSON.readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The tokens of a text. */
    int[] tokenize(String model, String text, boolean addSpecialTokens) {
        ObjectNode body = body().put("model", model).put("prompt", text).put("add_special_tokens", addSpecialTokens);
        return ints(ask("/tokenize", body).get("tokens"));
    }

    /** An empty body. */
    static ObjectNode body() {
        return JSON.createObjectNode();
    }

    /** What lm-evaluation-harness sends to have a prompt scored. */
    static ObjectNode echo(String model, Object prompt) {
        return body().put("model", model)
                .put("max_tokens", 1)
                .put("logprobs", 1)
                .put("echo", true)
                .put("temperature", 0)
                .put("seed", 1234)
                .set("prompt", JSON.valueToTree(prompt));
    }

    static int[] ints(JsonNode array) {
        return StreamSupport.stream(array.spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    /** Numbers of an array; null is NaN. */
    static List<Double> doubles(JsonNode array) {
        List<Double> values = new ArrayList<>();
        array.forEach(value -> values.add(value.isNull() ? Double.NaN : value.asDouble()));
        return values;
    }

    /** The values of a map. */
    static List<Double> values(JsonNode map) {
        return map.properties().stream()
                .map(entry -> entry.getValue().asDouble())
                .toList();
    }

    @Override
    public void close() {
        http.close();
        server.drain(Duration.ofSeconds(10));
        server.close();
    }
}
