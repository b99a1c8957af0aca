package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.eval.EvalSettings;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.server.golden.Golden;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The commands that README.md and clients/lm-eval/README.md show are understood. */
class EvalDocumentTest {
    private static final Pattern COMMAND = Pattern.compile("\\./slayer (eval --(?!help)[^`|\\n]*)");
    private static final List<String> BENCHMARKS = List.of(
            "arc_challenge --num-fewshot 25",
            "hellaswag --num-fewshot 10",
            "mmlu --num-fewshot 5",
            "truthfulqa_mc2 ",
            "winogrande --num-fewshot 5",
            "gsm8k --num-fewshot 5",
            "humaneval --confirm-run-unsafe-code",
            "unfair_tos --num-fewshot 5");

    @Test
    void everyShownCommandIsUnderstoodAndEveryBenchmarkOfThePaperHasOne() throws Exception {
        Matcher command = COMMAND.matcher(Files.readString(Golden.root().resolve("clients/lm-eval/README.md"))
                + Files.readString(Golden.root().resolve("README.md")));
        List<String> shown = new ArrayList<>();
        while (command.find()) {
            shown.add(command.group(1));
            settings(command.group(1).strip().split(" +"));
        }
        assertThat(shown).hasSizeGreaterThanOrEqualTo(BENCHMARKS.size() + 3);
        for (String benchmark : BENCHMARKS) {
            assertThat(shown)
                    .anyMatch(line ->
                            line.startsWith("eval --tasks " + benchmark) && line.contains("base@preset=slayer"));
        }
    }

    private static void settings(String[] args) {
        CommandLine.ParseResult parsed = Main.commandLine(new CannedServers(Duration.ZERO, 0), Map.of())
                .parseArgs(args)
                .subcommand();
        EvalSettings.from(new SettingValues(
                Options.given(parsed, EvalSettings.ALL), Map.of(), Optional.empty(), Options.folder()));
    }
}
