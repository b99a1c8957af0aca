package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.SlayerClient;
import dev.slayer.server.cli.eval.EvalSettings;
import dev.slayer.server.golden.Golden;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of the command needs no Python. */
@Timeout(300)
class EvalCommandTest {
    private static EvalServer server;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() {
        server = EvalServer.start();
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static CommandRun run(String... args) {
        return CommandRun.of(new Server(), Map.of("PATH", "/nowhere"), args);
    }

    private Path problems(String... lines) throws Exception {
        return Files.writeString(folder.resolve("problems.jsonl"), String.join("\n", lines) + "\n");
    }

    @Test
    void helpNamesEveryOptionAndThatTheFirstUseNeedsTheIndex() {
        String help = run("eval", "--help").out();
        EvalSettings.ALL.forEach(setting -> assertThat(help).contains(setting.option()));
        assertThat(help).contains("Python package index");
        assertThat(help.lines()).allMatch(line -> line.length() <= 80);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "eval | --tasks",
                "eval --tasks , | --tasks",
                "eval --tasks slayer --bigcode x.jsonl | either --tasks",
                "eval --tasks slayer --n-samples 3 | --n-samples goes with --bigcode only",
                "eval --bigcode x.jsonl --batch-size 2 | --batch-size goes with --tasks only",
                "eval --tasks slayer --gen-kwargs [1] | --gen-kwargs: '[1]' is no JSON object",
                "eval --tasks slayer --tokenizer-backend tiktoken | huggingface, remote",
                "eval --tasks slayer --limit 0 | --limit",
                "eval --tasks slayer --api-key x | --api-key",
                "eval --tasks slayer --url http://127.0.0.1:1 --threads 2 | --threads",
            })
    void wrongUseIsExitCode2WithASentenceThatNamesIt(String line, String part) {
        CommandRun run = run(line.split(" "));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).startsWith("slayer: ").contains(part).doesNotContain("\tat ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--variant nothing | no model 'nothing'; it has slayer-tiny",
                "--variant base --variant base@remove=99 | layer 99",
                "--variant base | --tokenizer DIR",
                "--tokenizer-backend remote | Python 3.11 or newer",
            })
    void whatCannotBeEvaluatedIsToldInOneSentenceBeforeAnythingIsSetUp(String options, String part) {
        String environment = folder.resolve("environment").toString();
        String line = "eval --tasks slayer --environment " + environment + " --url " + server.url() + " " + options;
        CommandRun run = run(line.split(" "));
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).startsWith("slayer: ").contains(part).hasLineCount(1);
        assertThat(folder.resolve("environment")).doesNotExist();
    }

    @Test
    void generationsForBigCodeAreWholeProgramsInTheOrderOfTheProblems() throws Exception {
        Path problems = problems(
                "{\"task_id\": \"a\", \"prompt\": \"\\nclass A:\\n\\n    def __init__(self, path):\\n        self.path =\"}",
                "",
                "{\"task_id\": \"b\", \"prompt\": \"def default(value):\\n    \\\"\\\"\\\"The value.\\\"\\\"\\\"\\n\"}");
        CommandRun run = run(
                "eval",
                "--bigcode",
                problems.toString(),
                "--url",
                server.url(),
                "--variant",
                "base@remove=11",
                "--temperature",
                "0",
                "--max-length",
                "64",
                "--n-samples",
                "2",
                "--out",
                folder.toString());
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        JsonNode written =
                new ObjectMapper().readTree(folder.resolve("generations.json").toFile());
        assertThat(written).hasSize(2);
        String first = "class A:\n\n    def __init__(self, path):\n        self.path =";
        String second = "def default(value):\n    \"\"\"The value.\"\"\"";
        try (SlayerClient client = SlayerClient.connect(server.url())) {
            for (int i = 0; i < 2; i++) {
                String prompt = i == 0 ? first : second;
                assertThat(written.get(i)).hasSize(2);
                assertThat(written.get(i).get(0)).isEqualTo(written.get(i).get(1));
                assertThat(written.get(i).get(0).asText()).isEqualTo(prompt + goesOn(client, prompt));
            }
        }
    }

    /** Greedily, cut at the first of the harness's stops by this test. */
    private static String goesOn(SlayerClient client, String prompt) {
        String model = "slayer-tiny@remove=11";
        int length = client.tokenize(model, prompt, true).count();
        Completion whole = client.complete(
                CompletionRequest.of(model, prompt).maxTokens(64 - length).temperature(0));
        String text = whole.text();
        int end = text.length();
        for (String stop : new String[] {"\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```", "<file_sep>"}) {
            end = text.contains(stop) ? Math.min(end, text.indexOf(stop)) : end;
        }
        return text.substring(0, end);
    }

    @Test
    void severalVariantsWriteAFileEachFromAServerOfThisProcess() throws Exception {
        CommandRun run = run(
                "eval",
                "--bigcode",
                problems("{\"prompt\": \"def f(x):\"}", "{\"prompt\": \"def g(x):\"}")
                        .toString(),
                "--variant",
                "base",
                "--variant",
                "base@remove=3,4;skip=attn:0",
                "--limit",
                "1",
                "--max-length",
                "24",
                "--out",
                folder.resolve("new").toString(),
                "--model",
                Golden.checkpoint("slayer-tiny").toString());
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(folder.resolve("new")).isDirectoryContaining("glob:**generations-base.json");
        assertThat(folder.resolve("new")).isDirectoryContaining("glob:**generations-base@remove=3_4_skip=attn_0.json");
    }

    @Test
    void aBrokenProblemIsNamedByItsLine() throws Exception {
        for (String line : new String[] {"{\"prompt\"", "{\"text\": \"x\"}", "{\"prompt\": \"  \"}", "7"}) {
            Path problems = problems("{\"prompt\": \"def f(x):\"}", line);
            CommandRun run = run("eval", "--bigcode", problems.toString(), "--url", server.url());
            assertThat(run.code()).isEqualTo(1);
            assertThat(run.err()).contains("line 2 of " + problems).hasLineCount(1);
        }
    }
}
