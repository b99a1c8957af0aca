package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.cli.settings.DeviceSettings;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.jobs.JobSettings;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** A whole server with a data folder over the smallest checkpoint, called base, and what tests of training ask of it. */
final class TrainingServer implements AutoCloseable {
    static final ObjectMapper JSON = new ObjectMapper();
    static final JobSettings SMALL = new JobSettings(1L << 30, 1, 1 << 20, 8 << 20);
    private static final long PATIENCE_NANOS = 120_000_000_000L;

    private final RunningServer server;
    private final HttpClient http =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    TrainingServer(Path data) {
        this(data, SMALL);
    }

    TrainingServer(Path data, JobSettings jobs) {
        this(new Server()
                .start(new ServeSettings(
                        List.of(new ModelSource("base", Golden.checkpoint("random-llama2"))),
                        DeviceSettings.CPU,
                        WeightType.FP32,
                        2,
                        new EngineSettings(32, 1000, 128, 1L << 26),
                        DerivedBlocks.DEFAULTS,
                        new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 1000),
                        new FolderSettings(
                                Optional.of(data),
                                true,
                                List.of(),
                                Optional.empty(),
                                Optional.of(data.resolve("deltas"))),
                        jobs,
                        Duration.ofSeconds(10),
                        LogLevel.WARN)));
    }

    /** Any server. */
    TrainingServer(RunningServer server) {
        this.server = server;
    }

    URI url() {
        return server.url();
    }

    /** An answer. */
    record Answer(int status, JsonNode body) {
        JsonNode ok() {
            assertThat(status).as(String.valueOf(body)).isEqualTo(200);
            return body;
        }

        Answer refused(int expected, String code) {
            assertThat(status).as(String.valueOf(body)).isEqualTo(expected);
            assertThat(body.at("/error/code").asText()).as(String.valueOf(body)).isEqualTo(code);
            return this;
        }

        String message() {
            return body.at("/error/message").asText();
        }
    }

    Answer get(String path) {
        return send(HttpRequest.newBuilder(url().resolve(path)).GET());
    }

    Answer delete(String path) {
        return send(HttpRequest.newBuilder(url().resolve(path)).DELETE());
    }

    Answer post(String path, JsonNode body) {
        return send(
                HttpRequest.newBuilder(url().resolve(path)).POST(HttpRequest.BodyPublishers.ofString(body.toString())));
    }

    Answer post(String path) {
        return send(HttpRequest.newBuilder(url().resolve(path)).POST(HttpRequest.BodyPublishers.noBody()));
    }

    Answer send(HttpRequest.Builder request) {
        HttpResponse<String> response = text(request);
        try {
            return new Answer(response.statusCode(), JSON.readTree(response.body()));
        } catch (IOException e) {
            throw new AssertionError(response.statusCode() + " " + response.body(), e);
        }
    }

    HttpResponse<String> text(HttpRequest.Builder request) {
        try {
            return http.send(request.timeout(Duration.ofMinutes(2)).build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The parts of a multipart body: name, filename or empty, content. */
    record Part(String name, String filename, String content) {}

    Answer upload(Part... parts) {
        String boundary = "----a-boundary";
        StringBuilder body = new StringBuilder();
        for (Part part : parts) {
            body.append("--%s\r\nContent-Disposition: form-data; name=\"%s\"".formatted(boundary, part.name));
            body.append(part.filename.isEmpty() ? "" : "; filename=\"" + part.filename + "\"");
            body.append("\r\n\r\n").append(part.content).append("\r\n");
        }
        body.append("--").append(boundary).append("--\r\n");
        return send(HttpRequest.newBuilder(url().resolve("/v1/files"))
                .header("content-type", "multipart/form-data; boundary=" + boundary)
                .POST(HttpRequest.BodyPublishers.ofString(body.toString(), StandardCharsets.UTF_8)));
    }

    /** Uploads data to train on; its id. */
    String data(String filename, String content) {
        return upload(new Part("purpose", "", "fine-tune"), new Part("file", filename, content))
                .ok()
                .get("id")
                .asText();
    }

    /** Rows of one kind of text. */
    static String rows(int count) {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < count; i++) {
            rows.append("{\"text\":\"the fox number %d runs over %d hills. \"}\n".formatted(i, i * 7));
        }
        return rows.toString();
    }

    /** A job that trains slot 1 of the base, 4 rows of 32 tokens a step. */
    static ObjectNode request(String file, int steps) {
        ObjectNode request = JSON.createObjectNode().put("model", "base").put("training_file", file);
        request.put("seed", 7);
        ObjectNode slayer = request.putObject("method").put("type", "slayer").putObject("slayer");
        slayer.put("name", "expand").put("slots", "1");
        slayer.put("recipe", """
                data: {length: 32, epochs: 1000000}
                optimizer: {batch: 4, learning_rate: 0.003}
                run: {steps: %d, checkpoint_every: 4}
                """.formatted(steps));
        return request;
    }

    /** Makes a job; its id. */
    String create(ObjectNode request) {
        return post("/v1/fine_tuning/jobs", request).ok().get("id").asText();
    }

    JsonNode job(String id) {
        return get("/v1/fine_tuning/jobs/" + id).ok();
    }

    /** Waits until a job is as it should be; fails if it ends otherwise. */
    JsonNode await(String id, Predicate<JsonNode> condition) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        while (true) {
            JsonNode job = job(id);
            if (condition.test(job)) {
                return job;
            }
            boolean ended = List.of("succeeded", "failed", "cancelled")
                    .contains(job.get("status").asText());
            assertThat(ended || System.nanoTime() > deadline)
                    .as(job.toPrettyString())
                    .isFalse();
            LockSupport.parkNanos(5_000_000);
        }
    }

    JsonNode await(String id, String status) {
        return await(id, job -> job.get("status").asText().equals(status));
    }

    /** Waits until a job that goes on has made some steps. */
    void awaitSteps(String id, int count) {
        await(id, job -> losses(id).size() >= count);
    }

    /** All events of a job, the oldest first. */
    List<JsonNode> events(String id) {
        List<JsonNode> events = new ArrayList<>();
        get("/v1/fine_tuning/jobs/" + id + "/events?order=asc&limit=1000")
                .ok()
                .get("data")
                .forEach(events::add);
        return events;
    }

    /** Losses of a job's steps, in their order; of one that was made twice the last. */
    List<Double> losses(String id) {
        SortedMap<Long, Double> losses = new TreeMap<>();
        events(id).stream()
                .map(event -> event.get("data"))
                .filter(data -> data.has("train_loss"))
                .forEach(data -> losses.put(
                        data.get("step").asLong(), data.get("train_loss").asDouble()));
        return List.copyOf(losses.values());
    }

    /** Perplexity of a text like those that are trained on. */
    JsonNode perplexity(String model) {
        ObjectNode body =
                JSON.createObjectNode().put("model", model).put("text", "the fox number 3 runs over 21 hills");
        return post("/v1/perplexity", body).ok().at("/data/0/perplexity");
    }

    @Override
    public void close() {
        http.close();
        server.drain(Duration.ofSeconds(10));
        server.close();
    }
}
