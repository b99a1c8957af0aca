package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointsTest {
    private static final String LOAD = "/v1/checkpoints/load";
    private static final String UNLOAD = "/v1/checkpoints/unload";

    @TempDir
    Path temporary;

    private Path folder;

    @BeforeEach
    void makeFolders() throws IOException {
        folder = Files.createDirectories(temporary.resolve("models"));
        Files.createDirectories(folder.resolve("a/b"));
        Files.createDirectories(temporary.resolve("secret"));
        Files.createSymbolicLink(folder.resolve("out"), temporary.resolve("secret"));
        Files.writeString(folder.resolve("file"), "");
    }

    private TestServer start(StubEngine engine) {
        return TestServer.with(
                engine,
                settings -> settings.folders = new ApiFolders(List.of(folder), Optional.empty(), Optional.empty()));
    }

    @Test
    void aCheckpointIsLoadedServedAndUnloaded() {
        try (TestServer server = start(StubEngine.saying("x"))) {
            HttpResponse<String> loaded = server.post(LOAD, "{\"name\":\"new\",\"path\":\"a/b\"}");
            assertThat(loaded.statusCode()).as(loaded.body()).isEqualTo(201);
            JsonNode checkpoint = TestServer.json(loaded);
            assertThat(checkpoint.get("name").asText()).isEqualTo("new");
            assertThat(checkpoint.get("layers").asInt()).isEqualTo(StubEngine.LAYERS);
            assertThat(checkpoint.get("default").asBoolean()).isFalse();
            assertThat(server.engine.loads()).containsExactly("load new");
            JsonNode list = TestServer.json(server.get("/v1/checkpoints")).get("data");
            assertThat(list.findValuesAsText("name")).containsExactly("tiny", "org/other", "new");
            assertThat(list.findValuesAsText("default")).containsExactly("true", "false", "false");

            server.ask("/v1/completions", "{\"model\":\"new@remove=0\",\"prompt\":\"a\"}");
            assertThat(server.engine.seen().getLast().model()).isEqualTo("new");
            server.ask("/v1/completions", "{\"model\":\"tiny@0-3,new:4\",\"prompt\":\"a\"}");
            assertThat(server.engine.seen().getLast().layout().text()).isEqualTo("0-3,new:4");

            HttpResponse<String> again =
                    server.post(LOAD, "{\"name\":\"new\",\"path\":\"" + folder.resolve("a") + "\"}");
            assertThat(again.statusCode()).isEqualTo(409);
            HttpResponse<String> unloaded = server.post(UNLOAD, "{\"name\":\"new\"}");
            assertThat(unloaded.statusCode()).as(unloaded.body()).isEqualTo(200);
            assertThat(server.engine.loads()).containsExactly("load new", "unload new");
            assertThat(server.post("/v1/completions", "{\"model\":\"new\",\"prompt\":\"a\"}")
                            .statusCode())
                    .isEqualTo(404);
            assertThat(server.post("/v1/completions", "{\"model\":\"tiny@new:4\",\"prompt\":\"a\"}")
                            .statusCode())
                    .isEqualTo(400);
            assertThat(server.post(UNLOAD, "{\"name\":\"new\"}").statusCode()).isEqualTo(404);
            assertThat(server.post(LOAD, "{\"name\":\"new\",\"path\":\"a\"}").statusCode())
                    .isEqualTo(201);
        }
    }

    @Test
    void onlyWhatLiesBelowAnAllowedFolderIsLoadedAndNothingElseIsLookedAt() {
        try (TestServer server = start(StubEngine.saying("x"))) {
            String outside = temporary.resolve("secret").toString();
            for (String path : List.of(
                    outside,
                    "/etc",
                    "/nowhere/at/all",
                    "../secret",
                    "a/../../secret",
                    "out",
                    "out/../../secret",
                    ".",
                    "",
                    "a/..",
                    folder.toString(),
                    folder + "/../secret",
                    folder + "x")) {
                HttpResponse<String> response = load(server, "n", path);
                assertThat(response.statusCode())
                        .as("%s: %s", path, response.body())
                        .isIn(400, 403);
                assertThat(TestServer.json(response).at("/error/param").asText())
                        .isEqualTo("path");
            }
            assertThat(load(server, "n", "/etc").body().replace("/etc", "?"))
                    .isEqualTo(load(server, "n", "/nowhere").body().replace("/nowhere", "?"));
            for (String path : List.of("not-there", "file", folder.resolve("c").toString())) {
                assertThat(load(server, "n", path).statusCode()).as(path).isEqualTo(404);
            }
            for (String path : List.of("\\u0000", "a\\u0000b", "a".repeat(5000), "\\ud83d")) {
                assertThat(load(server, "n", path).statusCode()).as(path).isIn(400, 403, 404);
            }
            for (String name : List.of("", "a@b", "../x", "a b", "tiny", "x".repeat(200))) {
                assertThat(load(server, name, "a").statusCode()).as(name).isIn(400, 409);
            }
            assertThat(server.engine.loads()).isEmpty();
        }
    }

    @Test
    void withoutAFolderNothingIsLoadedAndTheRemedyIsNamed() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            HttpResponse<String> response =
                    load(server, "n", folder.resolve("a").toString());
            assertThat(response.statusCode()).isEqualTo(403);
            assertThat(TestServer.json(response).at("/error/message").asText()).contains("--checkpoint-folder");
        }
    }

    @Test
    void aCheckpointThatCannotBeOpenedLeavesItsNameFree() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> {
            settings.folders = new ApiFolders(List.of(folder), Optional.empty(), Optional.empty());
            settings.loader = (name, directory) -> {
                throw SlayerException.badRequest("path", directory + " is broken.");
            };
        })) {
            for (int i = 0; i < 2; i++) {
                HttpResponse<String> response = load(server, "n", "a");
                assertThat(response.statusCode()).isEqualTo(400);
                assertThat(response.body()).contains("is broken");
            }
        }
    }

    @Test
    void theDefaultAndWhatVariantsOfOthersTakeLayersOfStay() {
        try (TestServer server = start(StubEngine.saying("x"))) {
            assertThat(server.post(UNLOAD, "{\"name\":\"tiny\"}").body()).contains("default model");
            assertThat(server.post(UNLOAD, "{\"name\":\"tiny\"}").statusCode()).isEqualTo(409);
            server.post("/v1/variants", "{\"name\":\"mixed\",\"layers\":\"0-3,org/other:4\"}");
            server.post("/v1/variants", "{\"name\":\"own\",\"base\":\"org/other\",\"layers\":\"0-3\"}");
            HttpResponse<String> refused = server.post(UNLOAD, "{\"name\":\"org/other\"}");
            assertThat(refused.statusCode()).isEqualTo(409);
            assertThat(refused.body()).contains("mixed").doesNotContain("own");
            assertThat(server.post(UNLOAD, "{\"name\":\"mixed\"}").statusCode()).isEqualTo(404);
            server.delete("/v1/variants/mixed");
            assertThat(server.post(UNLOAD, "{\"name\":\"org/other\"}").statusCode())
                    .isEqualTo(200);
            assertThat(TestServer.json(server.get("/v1/variants/own"))
                            .get("available")
                            .asBoolean())
                    .isFalse();
            assertThat(load(server, "org/other", "a").statusCode()).isEqualTo(201);
            assertThat(TestServer.json(server.get("/v1/variants/own"))
                            .get("available")
                            .asBoolean())
                    .isTrue();
        }
    }

    @Test
    void runningRequestsFinishBeforeTheCheckpointGoesThoseThatOnlyTakeALayerOfItToo() {
        StubEngine engine = StubEngine.saying("whole answer").pause();
        try (TestServer server = start(engine)) {
            CompletableFuture<JsonNode> own = CompletableFuture.supplyAsync(
                    () -> server.ask("/v1/completions", "{\"model\":\"org/other\",\"prompt\":\"a\"}"));
            CompletableFuture<JsonNode> taker = CompletableFuture.supplyAsync(
                    () -> server.ask("/v1/completions", "{\"model\":\"tiny@0-3,org/other:4\",\"prompt\":\"a\"}"));
            TestServer.await("both run", () -> engine.active() == 2);
            CompletableFuture<HttpResponse<String>> unloading =
                    CompletableFuture.supplyAsync(() -> server.post(UNLOAD, "{\"name\":\"org/other\"}"));
            TestServer.await(
                    "nobody can name it",
                    () -> server.get("/v1/models/org%2Fother").statusCode() == 404);
            assertThat(unloading).isNotDone();
            assertThat(engine.loads()).isEmpty();
            assertThat(load(server, "org/other", "a").body()).contains("is being unloaded");
            engine.resume();
            assertThat(own.join().at("/choices/0/text").asText()).isEqualTo("whole answer");
            assertThat(taker.join().at("/choices/0/text").asText()).isEqualTo("whole answer");
            assertThat(unloading.join().statusCode()).isEqualTo(200);
            assertThat(engine.loads()).containsExactly("unload org/other");
        }
    }

    @Test
    void whileACheckpointIsLoadingItsNameIsTakenAndOthersAreServed() throws Exception {
        CountDownLatch opened = new CountDownLatch(1);
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> {
            settings.folders = new ApiFolders(List.of(folder), Optional.empty(), Optional.empty());
            CheckpointLoader loader = settings.loader;
            settings.loader = (name, directory) -> {
                await(opened);
                return loader.load(name, directory);
            };
        })) {
            CompletableFuture<HttpResponse<String>> loading =
                    CompletableFuture.supplyAsync(() -> load(server, "n", "a"));
            TestServer.await(
                    "it loads", () -> server.post(UNLOAD, "{\"name\":\"n\"}").statusCode() == 404);
            server.ask("/v1/completions", "{\"prompt\":\"a\"}");
            assertThat(server.post("/v1/completions", "{\"model\":\"n\",\"prompt\":\"a\"}")
                            .statusCode())
                    .isEqualTo(404);
            opened.countDown();
            assertThat(loading.join().statusCode()).isEqualTo(201);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static HttpResponse<String> load(TestServer server, String name, String path) {
        return server.post(LOAD, "{\"name\":\"" + name + "\",\"path\":\"" + path + "\"}");
    }
}
