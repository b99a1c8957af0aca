package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.StubRunner;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Layout;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exports of a real checkpoint through the API; what is in them is tested where they are written. */
class ExportsTest {
    private static final String NAME = "random";

    @TempDir
    Path temporary;

    private TestServer start(Optional<Path> exports) {
        return TestServer.with(StubEngine.saying("x"), settings -> {
            settings.folders = new ApiFolders(List.of(Golden.root().resolve("test-data")), exports, Optional.empty());
            settings.loader = ExportsTest::open;
        });
    }

    private static LoadedCheckpoint open(String name, Path directory) {
        Checkpoint checkpoint = Checkpoint.open(directory);
        ServedModel model = new ServedModel(
                name,
                Instant.EPOCH,
                checkpoint.config(),
                Layout.identity(checkpoint.config().layers()),
                StubEngine.TOKENIZER,
                checkpoint.config().contextLength());
        StubRunner runner = new StubRunner(new KvPool(1 << 20), 16, 0, 16, 1, 16);
        return new LoadedCheckpoint(
                model, checkpoint, new EngineModel(name, runner, StubEngine.TOKENIZER.vocabulary()), checkpoint::close);
    }

    private static void makeVariant(TestServer server, String name, String layers) {
        if (server.get("/v1/models/" + NAME).statusCode() == 404) {
            HttpResponse<String> loaded =
                    server.post("/v1/checkpoints/load", "{\"name\":\"" + NAME + "\",\"path\":\"random-llama2\"}");
            assertThat(loaded.statusCode()).as(loaded.body()).isEqualTo(201);
        }
        HttpResponse<String> made = server.post(
                "/v1/variants", "{\"name\":\"" + name + "\",\"base\":\"" + NAME + "\",\"layers\":\"" + layers + "\"}");
        assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
    }

    @Test
    void anExportIsACheckpointThatCanBeLoadedAndItsStateCanBeAsked() throws IOException {
        Path folder = temporary.resolve("not/yet/there");
        try (TestServer server = start(Optional.of(folder))) {
            makeVariant(server, "org/v", "0,avg(0:1),1,1");
            assertThat(server.get("/v1/variants/org%2Fv/export").statusCode()).isEqualTo(404);
            HttpResponse<String> done = server.post("/v1/variants/org%2Fv/export", "{\"shard_size\":\"100KB\"}");
            assertThat(done.statusCode()).as(done.body()).isEqualTo(200);
            JsonNode export = TestServer.json(done);
            assertThat(export.get("status").asText()).isEqualTo("done");
            assertThat(export.get("path").asText())
                    .isEqualTo(folder.resolve("org-v").toString());
            assertThat(export.get("files").asInt()).isGreaterThan(1);
            assertThat(TestServer.json(server.get("/v1/variants/org%2Fv/export")))
                    .isEqualTo(export);
            try (Checkpoint written = Checkpoint.open(folder.resolve("org-v"))) {
                assertThat(written.config().layers()).isEqualTo(4);
            }
            assertThat(server.post("/v1/variants/org%2Fv/export", "").statusCode())
                    .isEqualTo(409);
            HttpResponse<String> begun =
                    server.post("/v1/variants/org%2Fv/export", "{\"name\":\"second\",\"wait\":false}");
            assertThat(begun.statusCode()).isEqualTo(202);
            TestServer.await(
                    "it is done",
                    () -> TestServer.json(server.get("/v1/variants/org%2Fv/export"))
                            .get("status")
                            .asText()
                            .equals("done"));
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files.map(file -> file.getFileName().toString()))
                        .containsExactlyInAnyOrder("org-v", "second");
            }
        }
    }

    @Test
    void aClientNamesAFolderAndNeverAPath() throws IOException {
        Path folder = Files.createDirectories(temporary.resolve("exports"));
        try (TestServer server = start(Optional.of(folder))) {
            makeVariant(server, "v", "0");
            for (String body : List.of(
                    "{\"name\":\"..\"}",
                    "{\"name\":\"../x\"}",
                    "{\"name\":\"/tmp/x\"}",
                    "{\"name\":\"a/b\"}",
                    "{\"name\":\".hidden\"}",
                    "{\"name\":\"a\\u0000\"}",
                    "{\"name\":\"\"}",
                    "{\"path\":\"x\"}",
                    "{\"shard_size\":\"0\"}",
                    "{\"shard_size\":\"999999999999GiB\"}",
                    "{\"shard_size\":\"-1\"}",
                    "{\"wait\":\"no\"}",
                    "[]")) {
                HttpResponse<String> response = server.post("/v1/variants/v/export", body);
                assertThat(response.statusCode())
                        .as("%s: %s", body, response.body())
                        .isEqualTo(400);
            }
            assertThat(server.post("/v1/variants/none/export", "").statusCode()).isEqualTo(404);
            try (Stream<Path> files = Files.list(temporary)) {
                assertThat(files).containsExactly(folder);
            }
            try (Stream<Path> files = Files.list(folder)) {
                assertThat(files).isEmpty();
            }
        }
    }

    @Test
    void withoutAFolderNothingIsExported() {
        try (TestServer server = start(Optional.empty())) {
            makeVariant(server, "v", "0");
            HttpResponse<String> response = server.post("/v1/variants/v/export", "");
            assertThat(response.statusCode()).isEqualTo(403);
            assertThat(response.body()).contains("--export-folder");
        }
    }

    @Test
    void whatIsNoFolderIsOneErrorAndTheNextExportGoesOn() throws IOException {
        Path file = Files.writeString(temporary.resolve("file"), "");
        try (TestServer server = start(Optional.of(file))) {
            makeVariant(server, "v", "0");
            for (int i = 0; i < 2; i++) {
                assertThat(server.post("/v1/variants/v/export", "").statusCode())
                        .isEqualTo(500);
                assertThat(TestServer.json(server.get("/v1/variants/v/export"))
                                .get("status")
                                .asText())
                        .isEqualTo("failed");
            }
        }
    }

    @Test
    void aSliceListIsGivenWhereThereIsOne() {
        try (TestServer server = start(Optional.empty())) {
            makeVariant(server, "plain", "0-1,0-1");
            makeVariant(server, "mixed", "0,avg(0:1)");
            JsonNode slices = TestServer.json(server.get("/v1/variants/plain/export.json"));
            assertThat(slices.get("merge_method").asText()).isEqualTo("passthrough");
            assertThat(slices.get("slices")).hasSize(2);
            HttpResponse<String> none = server.get("/v1/variants/mixed/export.json");
            assertThat(none.statusCode()).isEqualTo(422);
            assertThat(none.body()).contains("avg(0:1)");
        }
    }
}
