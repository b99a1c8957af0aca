package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code slayer bench --choices}. */
@Timeout(120)
class BenchChoicesTest {
    private static final List<String> SMALL = List.of(
            "bench",
            "--choices",
            "6",
            "--subject-items",
            "3",
            "--shot-tokens",
            "20",
            "--question-tokens",
            "6",
            "--choice-tokens",
            "2",
            "--concurrency",
            "3",
            "--warmup",
            "5");

    @TempDir
    Path folder;

    @Test
    void eachChoiceIsScoredOnceOnBothServersAndAsManyNewTokensAlone() throws Exception {
        CannedServers servers = new CannedServers(Duration.ZERO, 0);
        Path json = folder.resolve("choices.json");
        CommandRun run = bench(
                servers,
                "--model",
                "m=" + folder,
                "--compare-cache-off",
                "--repetitions",
                "2",
                "--json",
                json.toString());
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(servers.started).hasSize(2);
        JsonNode report = new ObjectMapper().readTree(Files.readString(json));
        List<String> cached = servers.started.getFirst().prompts();
        List<String> uncached = servers.started.getLast().prompts();
        assertThat(uncached).as("warm-up and two repetitions of 6 items").hasSize(5 + 2 * 24);
        assertThat(new HashSet<>(cached))
                .as("all of them on the other server, too")
                .containsAll(uncached);
        int unrelated = report.at("/alone/median/requests").asInt();
        assertThat(cached).hasSize(5 + 2 * (24 + unrelated));
        assertThat(report.at("/scores/repetitions").size()).isEqualTo(2);
        assertThat(report.at("/scores/median/tokens_sent").asInt()).isEqualTo(24 * 28);
        assertThat(report.at("/scores/median/cached_tokens").asInt()).isEqualTo(24 * 27);
        assertThat(report.at("/scores/median/new_tokens").asInt()).isBetween(1, 24 * 28);
        assertThat(report.at("/cache_off/median/new_tokens").asInt()).isEqualTo(24 * 28);
        assertThat(report.at("/alone/repetitions/1/tokens_sent").asInt())
                .isEqualTo(report.at("/scores/repetitions/1/new_tokens").asInt());
        assertThat(run.out()).contains("speed-up over the cache off").contains("time against new tokens alone");
    }

    @Test
    void aFailedRequestMakesTheExitCode1() {
        try (CannedServer server = new CannedServer(Duration.ZERO, 10)) {
            CommandRun run = bench(
                    new CannedServers(Duration.ZERO, 0), "--url", server.url().toString(), "--repetitions", "1");
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.out()).contains("{broken=").containsPattern("server CPU, s +- +-\n");
        }
    }

    @Test
    void aPromptThatDoesNotFitTheContextIsRefused() {
        try (CannedServer server = new CannedServer(Duration.ZERO, 0)) {
            CommandRun run = CommandRun.of(
                    new CannedServers(Duration.ZERO, 0),
                    Map.of(),
                    "bench",
                    "--choices",
                    "1",
                    "--url",
                    server.url().toString());
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err())
                    .contains("--shot-tokens")
                    .contains("344 tokens")
                    .contains("has 100");
        }
    }

    @Test
    void slayerTinyScoresThemOnServersOfThisProcess() {
        CommandRun run = bench(new Server(), "--compare-cache-off", "--repetitions", "1", "--log-level", "warn");
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .startsWith("slayer-tiny: 6 items of 4 choices, 3 requests at once")
                .containsPattern("\ntokens sent +672 +672 +\\d+\n")
                .containsPattern("\nerrors +0 +0 +0\n")
                .containsPattern("\nserver CPU, s +\\d");
    }

    private static CommandRun bench(Servers servers, String... args) {
        List<String> all = new ArrayList<>(SMALL);
        all.addAll(List.of(args));
        return CommandRun.of(servers, Map.of(), all.toArray(String[]::new));
    }
}
