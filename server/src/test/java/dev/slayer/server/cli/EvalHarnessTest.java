package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.cli.eval.EvalPython;
import dev.slayer.server.golden.Golden;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The whole command with the real lm_eval. */
@Timeout(1800)
class EvalHarnessTest {
    private static final Path FILES = Golden.root().resolve("clients/lm-eval");

    private static EvalServer server;
    private static Path environment;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        environment = EvalPython.folder();
        server = EvalServer.start();
    }

    @AfterAll
    static void stop() {
        if (server != null) {
            server.close();
        }
    }

    private CommandRun run(String... more) {
        List<String> args = new ArrayList<>(List.of("eval", "--url", server.url(), "--tokenizer"));
        args.add(Golden.checkpoint("slayer-tiny").toString());
        args.addAll(List.of("--environment", environment.toString(), "--limit", "2"));
        args.addAll(List.of(more));
        return CommandRun.of(new Server(), System.getenv(), args.toArray(String[]::new));
    }

    @Test
    void tasksOfEveryKindAreOneTableAndNamesKeepTheirCommas() throws Exception {
        CommandRun run = run(
                "--tasks",
                "slayer_arithmetic,slayer_code",
                "--tasks",
                "slayer_partial",
                "--confirm-run-unsafe-code",
                "--variant",
                "base",
                "--variant",
                "base@remove=0,1;skip=attn:3",
                "--num-concurrent",
                "2",
                "--batch-size",
                "2",
                "--gen-kwargs",
                "{\"seed\": null}",
                "--out",
                folder.toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines().findFirst().orElseThrow()).endsWith("base@remove=0,1;skip=attn:3");
        assertThat(run.out())
                .containsPattern(
                        "slayer_arithmetic exact_match strict +5 +2 +1\\.0000 ±0\\.0000 +0\\.0000 \\(-1\\.0000\\)")
                .containsPattern("slayer_code pass@1 every_sample +0 +2 ")
                .containsPattern("slayer_partial acc +0 +2 +1\\.0000 ");
        JsonNode second = new ObjectMapper()
                .readTree(folder.resolve("2-base@remove=0_1_skip=attn_3.json").toFile());
        JsonNode args = second.get("config").get("model_args");
        assertThat(args.get("model").asText()).isEqualTo("slayer-tiny@remove=0,1;skip=attn:3");
        assertThat(args.get("add_bos_token").asBoolean()).isTrue();
        assertThat(args.get("max_length").asInt()).isEqualTo(1024);
        assertThat(Files.readAllLines(folder.resolve("1-base-samples.jsonl"))).hasSize(2 * 2 + 2 + 2);
    }

    @Test
    void whatTheHarnessRefusesIsToldInItsWords() {
        CommandRun unknown = run("--tasks", "slayer_nothing");
        assertThat(unknown.code()).isEqualTo(1);
        assertThat(unknown.err()).contains("no such task: slayer_nothing");
        CommandRun unsafe = run("--tasks", "slayer_code");
        assertThat(unsafe.code()).isEqualTo(1);
        assertThat(unsafe.err()).contains("slayer_code which is marked as unsafe");
    }

    @Test
    void programsOfAModelRunWithinLimits() throws Exception {
        assertThat(script("tests/limits.py")).isEqualTo("all 11 programs ended as they should");
    }

    @Test
    void theTasksDataIsWhatItsScriptWrites() throws Exception {
        script("make_tasks.py", folder.toString());
        try (Stream<Path> made = Files.list(folder)) {
            for (Path file : made.toList()) {
                assertThat(FILES.resolve("tasks/data").resolve(file.getFileName()))
                        .hasSameTextualContentAs(file);
            }
        }
        assertThat(folder).isDirectoryContaining("glob:**clauses_shots.jsonl");
    }

    /** Runs a script of clients/lm-eval to its end; gives what it printed. */
    private static String script(String name, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                environment.resolve("bin/python").toString(),
                FILES.resolve(name).toString()));
        command.addAll(List.of(args));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }
}
