package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
