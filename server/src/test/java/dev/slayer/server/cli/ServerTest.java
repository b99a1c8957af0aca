package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import dev.slayer.server.accelerator.DeviceChoice;
import dev.slayer.server.cli.settings.DeviceSettings;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.engine.EngineSettings;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.engine.block.WeightType;
import dev.slayer.server.engine.packed.KvPrecision;
import dev.slayer.server.golden.Golden;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole server with all four checkpoints, asked over HTTP by a real client. */
class ServerTest {
    private static RunningServer server;
    private static SlayerClient client;

    @BeforeAll
    static void start() {
        List<ModelSource> models = Golden.CHECKPOINTS.stream()
                .map(name -> new ModelSource(name, Golden.checkpoint(name)))
                .toList();
        server = new Server().start(settings(models));
        client = SlayerClient.at(server.url().toString())
                .timeout(Duration.ofSeconds(60))
                .build();
    }

    @AfterAll
    static void stop() {
        client.close();
        server.drain(Duration.ofSeconds(10));
        server.close();
    }

    static ServeSettings settings(List<ModelSource> models) {
        return settings(models, DerivedBlocks.DEFAULTS);
    }

    static ServeSettings settings(List<ModelSource> models, DerivedBlocks derivedBlocks) {
        return new ServeSettings(
                models,
                WeightType.FP32,
                2,
                new EngineSettings(32, 1000, 128, 1L << 28),
                derivedBlocks,
                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), 1 << 20, 1000),
                FolderSettings.NONE,
                Duration.ofSeconds(10),
                LogLevel.WARN);
    }

    @Test
    void withoutCudaItSaysWhatIsMissingAndNothingStarts(@TempDir Path folder) {
        ServeSettings plain = settings(List.of(new ModelSource("a", Golden.checkpoint("random-llama2"))));
        ServeSettings cuda = new ServeSettings(
                plain.models(),
                new DeviceSettings(
                        DeviceChoice.parse("cuda:0"),
                        Optional.of(folder.resolve("absent")),
                        DeviceSettings.Given.NONE,
                        KvPrecision.AUTO),
                plain.weightType(),
                plain.threads(),
                plain.engine(),
                plain.derivedBlocks(),
                plain.http(),
                plain.folders(),
                plain.jobs(),
                plain.drainTimeout(),
                plain.logLevel());
        assertThatThrownBy(() -> new Server().start(cuda))
                .isInstanceOf(SlayerException.class)
                .hasMessageStartingWith("--device cuda cannot be used; what is missing:")
                .hasMessageContaining("ONNX Runtime for CUDA 13: found nothing at " + folder.resolve("absent"));
    }

    @Test
    void withoutAGpuForTrainingItSaysWhatIsMissingAndDoesNotStart(@TempDir Path folder) {
        CommandRun run = CommandRun.of(
                new Server(),
                Map.of("SLAYER_TRAINING_DEVICE", "cuda:63"),
                "serve",
                "--port",
                "0",
                "--data-folder",
                folder.toString());
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.out()).isEmpty();
        assertThat(run.err())
                .startsWith("slayer: --training-device=cuda:63 cannot be used: ")
                .containsPattern("Maven profile gpu|nvidia-smi|name one of")
                .contains("or train on the processor, with --training-device=cpu.")
                .doesNotContain("\tat ");
    }

    @Test
    void everyGoldenPromptOfEveryCheckpointIsEchoedWithTransformersScoresAndContinuedGreedily() {
        for (String model : Golden.CHECKPOINTS) {
            for (Golden.Prompt prompt : Golden.prompts(model)) {
                Completion completion = client.complete(CompletionRequest.of(model, prompt.prompt())
                        .maxTokens(prompt.greedy().length)
                        .temperature(0)
                        .ignoreEos()
                        .logprobs(1)
                        .returnTokenIds()
                        .with("echo", true));
                Completion.Choice choice = completion.choices().getFirst();
                assertThat(completion.usage().promptTokens()).isEqualTo(prompt.ids().length);
                List<Double> logprobs = choice.logprobs().tokenLogprobs();
                assertThat(logprobs).hasSize(prompt.ids().length + prompt.greedy().length);
                assertThat(logprobs.getFirst()).isNull();
                for (int i = 1; i < prompt.ids().length; i++) {
                    assertThat(logprobs.get(i))
                            .as("%s, %s, position %d", model, prompt.name(), i)
                            .isCloseTo(prompt.logprobs()[i], within(1e-3));
                }
                assertThat(choice.tokenIds().stream()
                                .mapToInt(Integer::intValue)
                                .toArray())
                        .as("%s, %s", model, prompt.name())
                        .isEqualTo(prompt.greedy());
                assertThat(choice.text()).endsWith(prompt.text());
            }
        }
    }

    @Test
    void aStreamHasTheTextOfTheWholeAnswer() {
        for (String model : Golden.CHECKPOINTS) {
            CompletionRequest request = CompletionRequest.of(model, " Two  spaces, caf\u00e9 and \u2603.")
                    .maxTokens(24)
                    .temperature(0)
                    .ignoreEos();
            StringBuilder pieces = new StringBuilder();
            try (EventStream<Completion> stream = client.stream(request)) {
                stream.forEachRemaining(piece -> pieces.append(piece.text()));
            }
            assertThat(pieces).hasToString(client.complete(request).text());
        }
    }

    @Test
    void afterTwoHundredRequestsOfWhichHalfDisconnectMidwayNoKvIsHeld() throws Exception {
        CompletionRequest request = CompletionRequest.of("slayer-tiny", "Once upon a time")
                .maxTokens(60)
                .temperature(0)
                .ignoreEos();
        String expected = client.complete(request).text();
        try (ExecutorService threads = Executors.newFixedThreadPool(24)) {
            List<Future<String>> answers = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                boolean leaves = i % 2 == 0;
                answers.add(threads.submit(() -> read(request, leaves ? 3 : Integer.MAX_VALUE)));
            }
            for (int i = 0; i < 200; i++) {
                String answer = answers.get(i).get(120, TimeUnit.SECONDS);
                if (i % 2 == 0) {
                    assertThat(expected).startsWith(answer);
                } else {
                    assertThat(answer).isEqualTo(expected);
                }
            }
        }
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (metric("slayer_num_requests_running") > 0 || metric("slayer_kv_cache_usage_perc") > 0) {
            assertThat(System.nanoTime()).as("KV is still held").isLessThan(deadline);
        }
        assertThat(metric("slayer_num_requests_waiting")).isZero();
    }

    /** Reads so many pieces, then closes the connection. */
    private static String read(CompletionRequest request, int pieces) {
        StringBuilder text = new StringBuilder();
        try (EventStream<Completion> stream = client.stream(request)) {
            for (int i = 0; i < pieces && stream.hasNext(); i++) {
                text.append(stream.next().text());
            }
        }
        return text.toString();
    }

    private static double metric(String name) throws IOException, InterruptedException {
        try (HttpClient http = HttpClient.newHttpClient()) {
            URI uri = server.url().resolve("/metrics");
            String text = http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                    .body();
            return text.lines()
                    .filter(line -> line.matches(name + "(\\{[^}]*})? .*"))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                    .max()
                    .orElseThrow(() -> new AssertionError("no metric " + name + " in\n" + text));
        }
    }

    @Test
    void aCheckpointThatCannotBeOpenedIsOneSentenceAndLeavesNothingOpen(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("config.json"), "{}");
        List<ModelSource> models = List.of(
                new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny")), new ModelSource("broken", folder));
        assertThatThrownBy(() -> new Server().start(settings(models)))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining(folder.toString());
    }
}
