package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an assembled server keeps, loads and lets go, with real checkpoints. */
class DataFolderTest {
    @TempDir
    Path temporary;

    private ServeSettings settings(boolean required) {
        List<ModelSource> models = List.of(new ModelSource("base", Golden.checkpoint("random-llama2")));
        return ServerTest.settings(models)
                .with(
                        new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 100),
                        new FolderSettings(
                                Optional.of(temporary.resolve("data")),
                                required,
                                List.of(Golden.root().resolve("test-data")),
                                Optional.of(temporary.resolve("exports")),
                                Optional.of(temporary.resolve("deltas"))));
    }

    private static HttpResponse<String> call(RunningServer server, String path, String body)
            throws IOException, InterruptedException {
        URI uri = server.url().resolve(path);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri);
        try (HttpClient http = HttpClient.newHttpClient()) {
            return http.send(
                    (body.isEmpty() ? request : request.POST(HttpRequest.BodyPublishers.ofString(body))).build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    @Test
    void aVariantIsThereAfterARestartAndASecondServerIsTold() throws Exception {
        try (RunningServer server = new Server().start(settings(true))) {
            assertThat(call(server, "/v1/variants", "{\"name\":\"v\",\"remove\":\"0\"}")
                            .statusCode())
                    .isEqualTo(201);
            assertThatThrownBy(() -> new Server().start(settings(true)))
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("used by another Slayer server")
                    .hasMessageContaining("--data-folder");
            try (RunningServer second = new Server().start(settings(false))) {
                assertThat(call(second, "/v1/models/v", "").statusCode()).isEqualTo(404);
                assertThat(call(second, "/v1/variants", "{\"name\":\"w\",\"remove\":\"0\"}")
                                .statusCode())
                        .isEqualTo(201);
            }
        }
        try (RunningServer server = new Server().start(settings(true))) {
            HttpResponse<String> answer =
                    call(server, "/v1/completions", "{\"model\":\"v\",\"prompt\":\"a\",\"max_tokens\":2}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            assertThat(answer.headers().firstValue("x-slayer-layout").orElseThrow())
                    .startsWith("1");
            assertThat(call(server, "/v1/models/w", "").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void aDamagedStoreStopsTheStartEvenOfAServerThatNeedsNone() throws IOException {
        Files.createDirectories(temporary.resolve("data"));
        Path file = Files.writeString(temporary.resolve("data/slayer.mv.db"), "not a database");
        assertThatThrownBy(() -> new Server().start(settings(false)))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(file.toString());
    }

    @Test
    void aCheckpointIsLoadedUsedExportedAndUnloadedByARealEngine() throws Exception {
        try (RunningServer server = new Server().start(settings(true))) {
            HttpResponse<String> loaded =
                    call(server, "/v1/checkpoints/load", "{\"name\":\"other\",\"path\":\"random-llama2-b\"}");
            assertThat(loaded.statusCode()).as(loaded.body()).isEqualTo(201);
            HttpResponse<String> made =
                    call(server, "/v1/variants", "{\"name\":\"mixed\",\"layers\":\"0,other:1,avg(0:other:1),1\"}");
            assertThat(made.statusCode()).as(made.body()).isEqualTo(201);
            HttpResponse<String> answer =
                    call(server, "/v1/completions", "{\"model\":\"mixed\",\"prompt\":\"a\",\"max_tokens\":2}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
            HttpResponse<String> exported =
                    call(server, "/v1/variants/mixed/export", "{\"name\":\"out\",\"shard_size\":\"1GB\"}");
            assertThat(exported.statusCode()).as(exported.body()).isEqualTo(200);
            assertThat(temporary.resolve("exports/out/config.json")).exists();
            assertThat(call(server, "/v1/checkpoints/unload", "{\"name\":\"other\"}")
                            .statusCode())
                    .isEqualTo(409);
            try (HttpClient http = HttpClient.newHttpClient()) {
                http.send(
                        HttpRequest.newBuilder(server.url().resolve("/v1/variants/mixed"))
                                .DELETE()
                                .build(),
                        HttpResponse.BodyHandlers.discarding());
            }
            HttpResponse<String> unloaded = call(server, "/v1/checkpoints/unload", "{\"name\":\"other\"}");
            assertThat(unloaded.statusCode()).as(unloaded.body()).isEqualTo(200);
        }
    }
}
