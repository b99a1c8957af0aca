package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import dev.slayer.server.golden.GoldenLayouts;
import dev.slayer.surgery.checkpoint.Checkpoint;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deltas in a whole server: there at the start, used as models, unloaded and loaded again, with real checkpoints. */
class DeltasServerTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final GoldenDelta MISTRAL = GoldenDelta.of("mistral");

    @TempDir
    Path temporary;

    private RunningServer start() throws IOException {
        Path deltas = temporary.resolve("deltas");
        if (!Files.exists(deltas)) {
            for (String name : GoldenDelta.NAMES) {
                copy(GoldenDelta.of(name).folder(), deltas.resolve(name));
            }
            copy(MISTRAL.folder(), deltas.resolve(".slayer-delta-unfinished"));
            copy(MISTRAL.folder(), deltas.resolve("spoilt"));
            Files.writeString(deltas.resolve("spoilt/delta.json"), "{");
            copy(MISTRAL.folder(), deltas.resolve("random-mistral"));
        }
        List<ModelSource> models = List.of(
                new ModelSource("random-llama2", Golden.checkpoint("random-llama2")),
                new ModelSource("random-mistral", Golden.checkpoint("random-mistral")));
        return new Server()
                .start(ServerTest.settings(models)
                        .with(
                                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                                new FolderSettings(
                                        Optional.of(temporary.resolve("data")),
                                        true,
                                        List.of(Golden.root().resolve("test-data"), temporary.resolve("exports")),
                                        Optional.of(temporary.resolve("exports")),
                                        Optional.of(deltas))));
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        for (String file : List.of("delta.json", "delta.safetensors")) {
            Files.copy(from.resolve(file), to.resolve(file));
        }
    }

    private static JsonNode call(RunningServer server, int status, String method, String path, String body)
            throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            HttpResponse<String> response = http.send(
                    HttpRequest.newBuilder(server.url().resolve(path))
                            .method(method, HttpRequest.BodyPublishers.ofString(body))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
            return JSON.readTree(response.body());
        }
    }

    private static JsonNode get(RunningServer server, String path) throws IOException, InterruptedException {
        return call(server, 200, "GET", path, "");
    }

    private static JsonNode post(RunningServer server, int status, String path, String body)
            throws IOException, InterruptedException {
        return call(server, status, "POST", path, body);
    }

    private static String error(JsonNode answer) {
        return answer.path("error").path("code").asText() + ": "
                + answer.path("error").path("message").asText();
    }

    /** Log-probabilities of a prompt's tokens from the second on. */
    private static double[] scores(RunningServer server, String model, int[] ids)
            throws IOException, InterruptedException {
        ObjectNode body = LiveServer.echo(model, ids);
        JsonNode logprobs =
                post(server, 200, "/v1/completions", body.toString()).at("/choices/0/logprobs/token_logprobs");
        double[] scores = new double[ids.length - 1];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = logprobs.get(i + 1).asDouble();
        }
        return scores;
    }

    private static void assertGolden(RunningServer server, String model) throws IOException, InterruptedException {
        for (GoldenLayouts.Answer answer : MISTRAL.answers()) {
            double[] scores = scores(server, model, answer.ids());
            for (int i = 0; i < scores.length; i++) {
                assertThat(scores[i]).isCloseTo(answer.logprobs()[i + 1], within(1e-3));
            }
        }
    }

    @Test
    void deltasOfTheFolderAreModelsFromTheStartAndBrokenOnesAreListedWithTheReason() throws Exception {
        try (RunningServer server = start()) {
            JsonNode list = get(server, "/v1/deltas").get("data");
            assertThat(list).hasSize(4);
            for (JsonNode delta : list) {
                switch (delta.get("name").asText()) {
                    case "mistral" -> {
                        assertThat(delta.get("state").asText()).isEqualTo("loaded");
                        assertThat(delta.get("base").asText()).isEqualTo("random-mistral");
                        assertThat(delta.get("layout").asText())
                                .isEqualTo("0,mistral:1-2,mistral:3*0.5,norm(mistral),head(mistral)");
                    }
                    case "llama3" ->
                        assertThat(delta.get("reason").asText())
                                .contains(GoldenDelta.of("llama3").hash(), "random-mistral", MISTRAL.hash());
                    case "spoilt" -> assertThat(delta.get("reason").asText()).contains("is not valid JSON");
                    default -> assertThat(delta.get("reason").asText()).contains("A checkpoint is called");
                }
            }
            JsonNode model = get(server, "/v1/models/mistral");
            assertThat(model.get("parent").asText()).isEqualTo("random-mistral");
            assertThat(get(server, "/v1/deltas/mistral")
                            .at("/provenance/base_hash")
                            .asText())
                    .isEqualTo(MISTRAL.hash());
            assertGolden(server, "mistral");
            assertGolden(server, "mistral"); // now from the prefix cache
        }
    }

    @Test
    void theCacheNeverGivesOneHeadTheScoresOfAnother() throws Exception {
        try (RunningServer server = start()) {
            int[] ids = MISTRAL.answers().getFirst().ids();
            List<String> models = List.of(
                    "random-mistral",
                    "random-mistral@0-2,head(mistral)",
                    "random-mistral@0-2,norm(mistral)",
                    "random-mistral@0-2,norm(mistral),head(mistral)");
            double[][] first = new double[models.size()][];
            for (int i = 0; i < first.length; i++) {
                first[i] = scores(server, models.get(i), ids);
            }
            for (int i = 0; i < first.length; i++) {
                assertThat(scores(server, models.get(i), ids)).containsExactly(first[i], within(1e-4));
                for (int other = 0; other < i; other++) {
                    assertThat(first[i][0]).isNotCloseTo(first[other][0], within(1e-3));
                }
            }
        }
    }

    @Test
    void theCacheNeverGivesOneEmbeddingTheKeysOfAnother() throws Exception {
        try (RunningServer server = start()) {
            post(
                    server,
                    201,
                    "/v1/checkpoints/load",
                    "{\"name\":\"l3\",\"path\":\"" + Golden.checkpoint("random-llama3") + "\"}");
            post(server, 201, "/v1/deltas/load", "{\"name\":\"llama3\"}");
            GoldenLayouts.Answer golden = GoldenDelta.of("llama3").answers().getFirst();
            double[] base = scores(server, "l3", golden.ids());
            double[] embedded = scores(server, "l3@0-3,embedding(llama3)", golden.ids());
            double[] whole = scores(server, "llama3", golden.ids());
            assertThat(embedded[5]).isNotCloseTo(base[5], within(1e-3));
            assertThat(scores(server, "l3", golden.ids())).containsExactly(base, within(1e-4));
            assertThat(scores(server, "l3@0-3,embedding(llama3)", golden.ids()))
                    .containsExactly(embedded, within(1e-4));
            for (int i = 0; i < whole.length; i++) {
                assertThat(whole[i]).isCloseTo(golden.logprobs()[i + 1], within(1e-3));
            }
        }
    }

    @Test
    void aDeltaIsComparedExportedAndRolledBack() throws Exception {
        try (RunningServer server = start()) {
            JsonNode compared = post(
                    server,
                    200,
                    "/v1/ab",
                    "{\"stream\":false,\"variants\":[\"random-mistral\",\"mistral\"],\"prompts\":[\"It was\"],"
                            + "\"max_tokens\":4,\"temperature\":0}");
            assertThat(compared.toString()).contains("mistral");
            JsonNode export = post(server, 200, "/v1/variants/mistral/export", "{\"name\":\"merged\"}");
            try (Checkpoint merged = Checkpoint.open(Path.of(export.get("path").asText()))) {
                assertThat(merged.config().layers()).isEqualTo(4);
            }
            assertThat(error(call(server, 422, "GET", "/v1/variants/mistral/export.json", "")))
                    .contains("takes of the delta 'mistral'");
            post(
                    server,
                    201,
                    "/v1/checkpoints/load",
                    "{\"name\":\"merged\",\"path\":\"" + export.get("path").asText() + "\"}");
            assertGolden(server, "merged");
            // a variant takes of it: it stays
            post(
                    server,
                    201,
                    "/v1/variants",
                    "{\"name\":\"half\",\"base\":\"random-mistral\",\"layout\":\"0-2,head(mistral)\"}");
            assertThat(error(post(server, 409, "/v1/deltas/unload", "{\"name\":\"mistral\"}")))
                    .contains("delta_in_use", "half");
            assertThat(error(post(server, 409, "/v1/checkpoints/unload", "{\"name\":\"random-mistral\"}")))
                    .contains("checkpoint_in_use", "mistral");
            call(server, 200, "DELETE", "/v1/variants/half", "");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"mistral\"}");
            assertThat(error(call(server, 404, "GET", "/v1/models/mistral", "")))
                    .contains("model_not_found");
            assertThat(error(post(server, 404, "/v1/deltas/unload", "{\"name\":\"mistral\"}")))
                    .contains("delta_not_found");
            assertThat(metric(server, "slayer_derived_blocks ")).isZero();
            assertThat(metric(server, "slayer_derived_blocks_memory_bytes")).isZero();
            post(server, 201, "/v1/deltas/load", "{\"name\":\"mistral\"}");
            assertThat(error(post(server, 409, "/v1/deltas/load", "{\"name\":\"mistral\"}")))
                    .contains("name_taken");
            assertGolden(server, "mistral");
            call(server, 200, "DELETE", "/v1/variants/mistral", "");
            call(server, 404, "GET", "/v1/models/mistral", "");
            assertThat(get(server, "/v1/deltas/mistral").get("state").asText()).isEqualTo("loaded");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"mistral\"}");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"spoilt\"}"); // a broken one is forgotten
            assertThat(get(server, "/v1/deltas").get("data")).hasSize(2);
        }
    }

    private static double metric(RunningServer server, String name) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            String text = http.send(
                            HttpRequest.newBuilder(server.url().resolve("/metrics"))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
            return text.lines()
                    .filter(line -> line.startsWith(name))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .findFirst()
                    .orElseThrow();
        }
    }

    @Test
    void strangeNamesAndFoldersAreRefused() throws Exception {
        try (RunningServer server = start()) {
            for (String name : List.of("..", "../data", "/etc", "a/b", "7", "a:b", ".slayer-delta-unfinished")) {
                assertThat(error(post(server, 400, "/v1/deltas/load", "{\"name\":\"" + name + "\"}")))
                        .contains("cannot be a delta's folder");
            }
            assertThat(error(post(server, 404, "/v1/deltas/load", "{\"name\":\"nobody\"}")))
                    .contains("delta_not_found");
            assertThat(error(post(server, 409, "/v1/deltas/load", "{\"name\":\"llama3\"}")))
                    .contains("delta_base_mismatch", MISTRAL.hash());
            assertThat(error(post(server, 400, "/v1/deltas/load", "{}"))).contains("name is missing");
            post(
                    server,
                    201,
                    "/v1/checkpoints/load",
                    "{\"name\":\"l3\",\"path\":\"" + Golden.checkpoint("random-llama3") + "\"}");
            JsonNode loaded = post(server, 201, "/v1/deltas/load", "{\"name\":\"llama3\"}");
            assertThat(loaded.get("base").asText()).isEqualTo("l3"); // the hash decides, not the name
            assertThat(loaded.get("layout").asText()).endsWith(",embedding(llama3)");
        }
    }

    @Test
    void aVariantThatTakesOfADeltaIsThereAfterARestart() throws Exception {
        String layout = "0,mistral:1,2,head(mistral)";
        try (RunningServer server = start()) {
            post(
                    server,
                    201,
                    "/v1/variants",
                    "{\"name\":\"kept\",\"base\":\"random-mistral\",\"layout\":\"" + layout + "\"}");
        }
        try (RunningServer server = start()) {
            JsonNode kept = get(server, "/v1/variants/kept");
            assertThat(kept.get("available").asBoolean()).isTrue();
            assertThat(kept.get("layout").asText()).isEqualTo(layout);
            assertThat(kept.at("/memory/derived_blocks").toString()).isEqualTo("[\"mistral:1\",\"head(mistral)\"]");
            assertThat(get(server, "/v1/models/mistral").get("parent").asText()).isEqualTo("random-mistral");
        }
    }
}
