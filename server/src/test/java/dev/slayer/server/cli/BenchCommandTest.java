package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class BenchCommandTest {
    @TempDir
    Path folder;

    private final CannedServers servers = new CannedServers(Duration.ofMillis(1), 0);

    @Test
    void aServerElsewhereIsMeasuredWithExactLengths() throws Exception {
        Path json = folder.resolve("bench.json");
        try (CannedServer server = new CannedServer(Duration.ofMillis(2), 0)) {
            CommandRun run = bench(
                    "--url",
                    server.url().toString(),
                    "--requests",
                    "6",
                    "--warmup",
                    "2",
                    "--repetitions",
                    "3",
                    "--concurrency",
                    "3",
                    "--prompt-tokens",
                    "4-9",
                    "--output-tokens",
                    "5",
                    "--json",
                    json.toString());
            assertThat(run.err()).isEmpty();
            assertThat(run.code()).isZero();
            assertThat(server.completions()).isEqualTo(2 + 3 * 6);
            assertThat(run.out())
                    .startsWith(
                            "canned: 6 requests, 3 at once, 4-9 prompt tokens, 5 output tokens; median of 3 repetitions")
                    .contains("time to first token, ms")
                    .containsPattern("server CPU, ms/token +-\n");
        }
        JsonNode report = new ObjectMapper().readTree(Files.readString(json));
        assertThat(report.at("/median/output_tokens").asInt()).isEqualTo(30);
        assertThat(report.at("/median/prompt_tokens").asInt()).isBetween(24, 54);
        assertThat(report.at("/median/inter_token_latency/mean").asDouble()).isPositive();
        assertThat(report.at("/median/decode_tokens_per_second").asDouble()).isPositive();
        assertThat(report.at("/median/errors").isEmpty()).isTrue();
        assertThat(report.at("/repetitions").size()).isEqualTo(3);
        assertThat(report.at("/peak_memory_bytes").isNull()).isTrue();
    }

    @Test
    void aServerOfThisProcessTellsItsProcessorTimeAndListensOnAnyFreePort() {
        CommandRun run =
                bench("--model", "m=" + folder, "--requests", "4", "--repetitions", "1", "--max-sequences", "7");
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(run.out()).containsPattern("server CPU, ms/token +\\d").contains("one repetition");
        assertThat(servers.stub).isFalse();
        assertThat(servers.settings.orElseThrow().http().port()).isZero();
        assertThat(servers.settings.orElseThrow().engine().maxSequences()).isEqualTo(7);
    }

    @Test
    void theStubIsAskedForByItsFlag() {
        assertThat(bench("--stub", "--model", "m=" + folder, "--requests", "1", "--warmup", "0", "--repetitions", "1")
                        .code())
                .isZero();
        assertThat(servers.stub).isTrue();
    }

    @Test
    void errorsAreReportedAndMakeTheExitCode1() {
        try (CannedServer server = new CannedServer(Duration.ZERO, 3)) {
            CommandRun run = bench(
                    "--url",
                    server.url().toString(),
                    "--requests",
                    "6",
                    "--warmup",
                    "0",
                    "--repetitions",
                    "1",
                    "--concurrency",
                    "1");
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.out()).contains("{broken=2}").containsPattern("errors +2\n");
        }
    }

    @Test
    void aLoadThatDoesNotFitTheContextIsRefused() {
        try (CannedServer server = new CannedServer(Duration.ZERO, 0)) {
            CommandRun run = bench("--url", server.url().toString(), "--prompt-tokens", "90", "--output-tokens", "11");
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err()).contains("101 tokens").contains("has 100");
        }
    }

    @Test
    void requestsTakeTheModelsInTurnAndThePeerGetsTheSameLoadInAlternateRepetitions() throws Exception {
        Path json = folder.resolve("mix.json");
        try (CannedServer server = new CannedServer(Duration.ofMillis(1), 0)) {
            CommandRun run = bench(
                    "--url",
                    server.url().toString(),
                    "--request-model",
                    "canned@remove={1-2}",
                    "--request-model",
                    "other",
                    "--compare",
                    "canned",
                    "--requests",
                    "4",
                    "--warmup",
                    "1",
                    "--repetitions",
                    "2",
                    "--concurrency",
                    "1",
                    "--json",
                    json.toString());
            assertThat(run.err()).isEmpty();
            assertThat(run.code()).isZero();
            List<String> mix = List.of("canned@remove=1", "canned@remove=2", "other", "canned@remove=1");
            List<String> base = Collections.nCopies(4, "canned");
            List<String> expected = new ArrayList<>(List.of("canned@remove=1", "canned"));
            Stream.of(mix, base, mix, base).forEach(expected::addAll);
            assertThat(server.asked()).isEqualTo(expected);
            assertThat(run.out())
                    .startsWith("canned@remove={1-2}, other: 4 requests, 1 at once")
                    .containsPattern("beside it, in turns +mix +canned +ratio\n")
                    .containsPattern("\ndecode, tokens/s +[\\d.]+ +[\\d.]+ +[\\d.]+\n");
        }
        JsonNode report = new ObjectMapper().readTree(Files.readString(json));
        assertThat(report.at("/peer/model").asText()).isEqualTo("canned");
        assertThat(report.at("/peer/repetitions").size()).isEqualTo(2);
        assertThat(report.at("/peer/decode_ratio").asDouble())
                .isEqualTo(report.at("/median/decode_tokens_per_second").asDouble()
                        / report.at("/peer/median/decode_tokens_per_second").asDouble());
    }

    @Test
    void eachNewLayoutIsAskedForOnceRightAfterTheBase() throws Exception {
        Path json = folder.resolve("new.json");
        try (CannedServer server = new CannedServer(Duration.ZERO, 0)) {
            CommandRun run = CommandRun.of(
                    servers,
                    Map.of(),
                    "bench",
                    "--url",
                    server.url().toString(),
                    "--new-layouts",
                    "--request-model",
                    "canned@remove={1-2},{5-6}",
                    "--request-model",
                    "canned@insert={3-5}:average",
                    "--prompt-tokens",
                    "8",
                    "--warmup",
                    "2",
                    "--json",
                    json.toString());
            assertThat(run.err()).isEmpty();
            assertThat(run.code()).isZero();
            assertThat(server.asked())
                    .containsExactly(
                            "canned",
                            "canned",
                            "canned",
                            "canned@remove=1,5",
                            "canned",
                            "canned@remove=1,6",
                            "canned",
                            "canned@remove=2,5",
                            "canned",
                            "canned@remove=2,6",
                            "canned",
                            "canned@insert=3:average",
                            "canned",
                            "canned@insert=4:average",
                            "canned",
                            "canned@insert=5:average");
            assertThat(run.out())
                    .startsWith("New layouts, each asked for once, right after canned: one at a time, 8 prompt tokens")
                    .containsPattern("\ncanned@remove=\\{1-2},\\{5-6} +4 ")
                    .containsPattern("\ncanned@insert=\\{3-5}:average +3 ");
        }
        JsonNode report = new ObjectMapper().readTree(Files.readString(json));
        assertThat(report.at("/groups/0/pairs/3/model").asText()).isEqualTo("canned@remove=2,6");
        assertThat(report.at("/groups/1/pairs/0/new_millis").asDouble())
                .isEqualTo(report.at("/groups/1/first_millis").asDouble());
    }

    @Test
    void aNewLayoutThatFailsIsReportedAndMakesTheExitCode1() {
        try (CannedServer server = new CannedServer(Duration.ZERO, 4)) {
            CommandRun run = CommandRun.of(
                    servers,
                    Map.of(),
                    "bench",
                    "--url",
                    server.url().toString(),
                    "--new-layouts",
                    "--request-model",
                    "canned@remove={1-2}",
                    "--prompt-tokens",
                    "8",
                    "--warmup",
                    "0");
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.out()).contains("Errors: {broken=1}").containsPattern("\ncanned@remove=\\{1-2} +1 ");
        }
    }

    @Test
    void newLayoutsNeedNamesAndNoLoad() {
        CommandRun nameless = CommandRun.of(servers, Map.of(), "bench", "--new-layouts");
        assertThat(nameless.code()).isEqualTo(2);
        assertThat(nameless.err()).contains("--new-layouts needs --request-model");
        CommandRun loaded = CommandRun.of(
                servers, Map.of(), "bench", "--new-layouts", "--request-model", "a@remove=1", "--concurrency", "2");
        assertThat(loaded.code()).isEqualTo(2);
        assertThat(loaded.err()).contains("--concurrency cannot go with --new-layouts");
    }

    @Test
    void nobodyThereIsASentence() {
        CommandRun run = bench("--url", "http://127.0.0.1:9");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .startsWith("slayer: The server cannot be measured: ")
                .hasLineCount(1);
        assertThat(bench("--url", "localhost").err()).contains("--url: 'localhost'");
    }

    private CommandRun bench(String... args) {
        List<String> all = new ArrayList<>(List.of("bench"));
        if (!List.of(args).contains("--output-tokens")) {
            all.addAll(List.of("--prompt-tokens", "8", "--output-tokens", "4"));
        }
        all.addAll(List.of(args));
        return CommandRun.of(servers, Map.of(), all.toArray(String[]::new));
    }
}
