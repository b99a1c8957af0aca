package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.EngineModel;
import dev.slayer.server.engine.KvPool;
import dev.slayer.server.engine.StubRunner;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.CheckpointHash;
import dev.slayer.surgery.checkpoint.DType;
import dev.slayer.surgery.checkpoint.TensorNames;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.delta.DeltaInfo;
import dev.slayer.surgery.delta.DeltaWriter;
import dev.slayer.surgery.delta.Provenance;
import dev.slayer.surgery.layout.Layout;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How deltas come and go beside checkpoints and variants, whatever device they are lent to. */
class DeltasTest {
    private static final String BASE = "mistral";

    @TempDir
    Path folder;

    private final List<String> device = new ArrayList<>(); // what is on it
    private Checkpoint base;
    private boolean full;

    @BeforeEach
    void open() {
        base = Checkpoint.open(Golden.checkpoint("random-mistral"));
    }

    @AfterEach
    void close() {
        base.close();
    }

    /** With random-mistral loaded as the second model. */
    private TestServer start() {
        return start(StubEngine.saying("x"));
    }

    private TestServer start(StubEngine engine) {
        TestServer server = TestServer.with(engine, settings -> {
            settings.folders =
                    new ApiFolders(List.of(Golden.root().resolve("test-data")), Optional.empty(), Optional.of(folder));
            settings.loader = DeltasTest::load;
            settings.deltas = (name, delta, over) -> {
                if (full) {
                    throw SlayerException.internal("no room for " + name, null);
                }
                device.add(name);
                return () -> {
                    device.remove(name);
                    delta.close();
                    return CompletableFuture.completedFuture(null);
                };
            };
        });
        post(server, 201, "/v1/checkpoints/load", "{\"name\":\"" + BASE + "\",\"path\":\"random-mistral\"}");
        return server;
    }

    private static LoadedCheckpoint load(String name, Path directory) {
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

    private static JsonNode post(TestServer server, int status, String path, String body) {
        HttpResponse<String> answer = server.post(path, body);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(status);
        return TestServer.json(answer);
    }

    /** A delta that trained the final norm; of a layout that may name other deltas. */
    private Path write(String name, String layout, String tensor, int... slots) {
        Provenance provenance = new Provenance(
                "whatever",
                CheckpointHash.of(base),
                "norm",
                List.of(),
                "",
                1,
                2,
                3,
                Instant.parse("2026-11-21T12:00:00Z"),
                "a test");
        TreeSet<Integer> trained = new TreeSet<>();
        for (int slot : slots) {
            trained.add(slot);
        }
        DeltaInfo info = new DeltaInfo(layout, trained, Optional.empty(), provenance);
        new DeltaWriter(base.config(), other -> Optional.of(base.config()))
                .write(
                        folder.resolve(name),
                        info,
                        List.of(new DeltaWriter.Named(tensor, base.tensor(TensorNames.FINAL_NORM))),
                        DType.F32);
        return folder.resolve(name);
    }

    private Path norm(String name, String layout) {
        return write(name, layout, TensorNames.FINAL_NORM);
    }

    @Test
    void whoeverMakesADeltaRegistersItAndGetsAModelsName() {
        try (TestServer server = start()) {
            DeltaRegistry registry = server.server.deltas();
            assertThat(registry.register(norm("job-1", "0-2,2"))).isEqualTo("job-1");
            assertThat(device).containsExactly("job-1");
            JsonNode model = TestServer.json(server.get("/v1/models/job-1"));
            assertThat(model.get("parent").asText()).isEqualTo(BASE);
            assertThat(TestServer.json(server.get("/v1/variants/job-1"))
                            .get("layout")
                            .asText())
                    .isEqualTo("0-2,2,norm(job-1)");
            assertThatThrownBy(() -> registry.register(folder.resolve("job-1"))).hasMessageContaining("is loaded");
            registry.unregister("job-1");
            TestServer.await("it has gone", () -> device.isEmpty());
            assertThat(server.get("/v1/models/job-1").statusCode()).isEqualTo(404);
            assertThatThrownBy(() -> registry.unregister("job-1"))
                    .isInstanceOfSatisfying(
                            SlayerException.class, e -> assertThat(e.status()).isEqualTo(404));
        }
    }

    @Test
    void aDeltaWithAdaptersIsRefusedAndTouchesNothing() {
        try (TestServer server = start()) {
            // a bias as wide as the hidden states: the norm's shape
            write("adapters", "0-2", "model.layers.1.mlp.adapter.up.bias", 1);
            JsonNode error = post(server, 400, "/v1/deltas/load", "{\"name\":\"adapters\"}");
            assertThat(error.at("/error/code").asText()).isEqualTo(Delta.NOT_MERGEABLE);
            assertThat(device).isEmpty();
            post(server, 200, "/v1/checkpoints/unload", "{\"name\":\"" + BASE + "\"}"); // nobody holds it
        }
    }

    @Test
    void aDeviceThatRefusesLeavesNothingBehind() {
        try (TestServer server = start()) {
            norm("d", "0-2");
            full = true;
            post(server, 500, "/v1/deltas/load", "{\"name\":\"d\"}");
            assertThat(server.get("/v1/models/d").statusCode()).isEqualTo(404);
            full = false;
            post(server, 201, "/v1/deltas/load", "{\"name\":\"d\"}");
            post(server, 409, "/v1/checkpoints/unload", "{\"name\":\"" + BASE + "\"}");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"d\"}");
            post(server, 200, "/v1/checkpoints/unload", "{\"name\":\"" + BASE + "\"}");
        }
    }

    @Test
    void aDeltaOverADeltaKeepsItLoaded() {
        norm("first", "0-2");
        norm("second", "0,first:1,2,head(first)");
        try (TestServer server = start()) {
            JsonNode missing = post(server, 400, "/v1/deltas/load", "{\"name\":\"second\"}");
            assertThat(missing.at("/error/message").asText()).contains("there is no checkpoint 'first'");
            post(server, 201, "/v1/deltas/load", "{\"name\":\"first\"}");
            JsonNode second = post(server, 201, "/v1/deltas/load", "{\"name\":\"second\"}");
            assertThat(second.get("layout").asText()).isEqualTo("0,first:1,2,norm(second),head(first)");
            assertThat(post(server, 409, "/v1/deltas/unload", "{\"name\":\"first\"}")
                            .at("/error/message")
                            .asText())
                    .contains("second");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"second\"}");
            post(server, 200, "/v1/deltas/unload", "{\"name\":\"first\"}");
            assertThat(device).isEmpty();
        }
    }

    @Test
    void runningRequestsFinishBeforeTheDeltaGoes() {
        StubEngine engine = StubEngine.saying("whole answer").pause();
        norm("d", "0-2");
        try (TestServer server = start(engine)) {
            post(server, 201, "/v1/deltas/load", "{\"name\":\"d\"}");
            CompletableFuture<JsonNode> own = CompletableFuture.supplyAsync(
                    () -> server.ask("/v1/completions", "{\"model\":\"d\",\"prompt\":\"a\"}"));
            CompletableFuture<JsonNode> taker = CompletableFuture.supplyAsync(
                    () -> server.ask("/v1/completions", "{\"model\":\"mistral@0,d:1,2\",\"prompt\":\"a\"}"));
            TestServer.await("both run", () -> engine.active() == 2);
            CompletableFuture<HttpResponse<String>> unloading =
                    CompletableFuture.supplyAsync(() -> server.post("/v1/deltas/unload", "{\"name\":\"d\"}"));
            TestServer.await(
                    "nobody can name it", () -> server.get("/v1/models/d").statusCode() == 404);
            assertThat(unloading).isNotDone();
            assertThat(device).containsExactly("d");
            assertThat(TestServer.json(server.get("/v1/deltas/d")).get("state").asText())
                    .isEqualTo("unloading");
            assertThat(server.post("/v1/deltas/load", "{\"name\":\"d\"}").body())
                    .contains("is being unloaded");
            engine.resume();
            assertThat(own.join().at("/choices/0/text").asText()).isEqualTo("whole answer");
            assertThat(taker.join().at("/choices/0/text").asText()).isEqualTo("whole answer");
            assertThat(unloading.join().statusCode()).isEqualTo(200);
            assertThat(device).isEmpty();
        }
    }

    @Test
    void atTheStartDeltasAreLoadedInTheOrderThatTheyNeed() {
        norm("a-second", "0,b-first:1,2");
        norm("b-first", "0-2");
        norm("c-third", "0-1,a-second:2");
        try (TestServer server = TestServer.with(StubEngine.saying("x"), settings -> {
            settings.models.clear();
            settings.models.add(TestServer.model("tiny"));
            settings.loaded = List.of(load(BASE, Golden.checkpoint("random-mistral")));
            settings.folders = new ApiFolders(List.of(), Optional.empty(), Optional.of(folder));
            settings.deltas = (name, delta, over) -> {
                device.add(name);
                return () -> CompletableFuture.completedFuture(null);
            };
        })) {
            assertThat(device).containsExactly("b-first", "a-second", "c-third");
            assertThat(Set.of("loaded"))
                    .isEqualTo(
                            Set.copyOf(TestServer.json(server.get("/v1/deltas")).findValuesAsText("state")));
        }
    }

    @Test
    void aServerWithoutAFolderLoadsNone() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            assertThat(post(server, 403, "/v1/deltas/load", "{\"name\":\"d\"}")
                            .at("/error/code")
                            .asText())
                    .isEqualTo("deltas_not_allowed");
            assertThat(TestServer.json(server.get("/v1/deltas")).get("data")).isEmpty();
        }
    }
}
