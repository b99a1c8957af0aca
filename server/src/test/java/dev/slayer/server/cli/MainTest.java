package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.ab.AbSettings;
import dev.slayer.server.cli.bench.BenchSettings;
import dev.slayer.server.cli.bundle.BundleSettings;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.surgery.SlayerException;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MainTest {
    private final CannedServers servers = new CannedServers(Duration.ZERO, 0);

    @Test
    void helpNamesTheCommandsAndEachCommandsHelpNamesItsOptions() {
        assertThat(run("--help").out()).contains("serve", "bench", "bundle", "self-test", "build", "test", "format");
        String bundle = run("bundle", "--help").out();
        for (Setting<?> setting : BundleSettings.ALL) {
            assertThat(bundle).contains(setting.option());
        }
        assertThat(bundle.lines()).allMatch(line -> line.length() <= 80);
        String serve = run("serve", "--help").out();
        for (Setting<?> setting : ServeSettings.ALL) {
            assertThat(serve).contains(setting.option());
        }
        String bench = run("bench", "--help").out();
        for (Setting<?> setting : BenchSettings.ALL) {
            assertThat(bench).contains(setting.option());
        }
        String ab = run("ab", "--help").out();
        for (Setting<?> setting : AbSettings.ALL) {
            assertThat(ab).contains(setting.option());
        }
        assertThat(ab.lines()).allMatch(line -> line.length() <= 80);
        assertThat(serve).contains("25%", "SLAYER_MAX_QUEUE");
        // A paragraph that is wrapped twice has short lines between long ones.
        assertThat(serve).contains("SLAYER_MAX_QUEUE; several values are separated by commas) or in the YAML file");
        assertThat(bench).contains("Without --url, the options from --model on describe the server that is started");
        assertThat((serve + bench).lines()).allMatch(line -> line.length() <= 80);
    }

    @Test
    void versionIsOneLine() {
        CommandRun run = run("--version");
        assertThat(run.code()).isZero();
        assertThat(run.out()).startsWith("Slayer ").hasLineCount(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "serve --prot 1 | --port",
                "serve extra | extra",
                "serve --port | --port",
                "serve --port 70000 | --port: '70000' is out of range; allowed: 0 to 65535.",
                "serve --port 1 --port 2 | --port",
                "serve --model no/such/folder | no/such/folder",
                "serve --config no/such/file.yaml | no/such/file.yaml",
                "serve --dtype fp16 | fp32, int8, int4",
                "serve --device gpu | --device: 'gpu' is unknown; allowed: cpu, cuda, or GPUs by number as in cuda:0,1.",
                "serve --device cuda:1,1 | --device: 'cuda:1,1' names a GPU twice.",
                "serve --training-device gpu | --training-device: 'gpu' is unknown; allowed: cpu, cuda, or a GPU by number",
                "serve --training-device cuda:0,1 | --training-device: 'cuda:0,1' is unknown; allowed: cpu, cuda, or a GPU",
                "bench --stub --url http://127.0.0.1:1 | --stub",
                "bench --url http://127.0.0.1:1 --threads 2 | --threads",
                "bench --api-key x | --api-key",
                "bench --concurrency 0 | --concurrency: '0' is out of range; allowed: 1 to 4096.",
                "bench --prompt-tokens 9-3 | 9-3",
                "bench --repetitions 0 | --repetitions",
                "ab --variant a --variant b | PROMPT",
                "bench --choices 0 | --choices: '0' is out of range; allowed: 1 to 1000000.",
                "bench --choices 2 --prompt-tokens 5 | --prompt-tokens cannot go with --choices",
                "bench --choices 2 --compare x | --compare cannot go with --choices",
                "bench --choices 2 --new-layouts --request-model a@remove=1 | --choices cannot go with --new-layouts",
                "bench --choices 2 --request-model a --request-model b | --request-model names more than one",
                "bench --choices 2 --compare-cache-off --url http://127.0.0.1:1 | --compare-cache-off",
                "bench --shot-tokens 5 | --shot-tokens needs --choices",
                "ab text --variant a | give at least two",
                "ab text --variant a --variant b --temperature 3 | --temperature: '3' is out of range; allowed: 0 to 2",
                "ab text --variant a --variant b --api-key x | --api-key",
                "ab text --variant a --variant b --url http://127.0.0.1:1 --threads 2 | --threads",
                "bundle | --out names the folder for the parts",
                "bundle --out x --split 1k | --split: '1k' is out of range; allowed: 1MiB to 1TiB.",
                "bundle --out x --split 60 | --split: '60' is no size",
                "bundle --out x --without serving | --without: 'serving' is unknown; allowed: training.",
                "self-test extra | extra",
                "nonsense | nonsense",
            })
    void wrongUseIsExitCode2WithASentenceThatNamesIt(String line, String part) {
        CommandRun run = run(line.split(" "));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err())
                .startsWith("slayer: ")
                .contains(part)
                .contains("--help")
                .doesNotContain("\tat ");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void noCommandIsWrongUseAndShowsTheHelp() {
        CommandRun run = run();
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err()).contains("serve").contains("bench");
    }

    @Test
    void aServerThatCannotStartIsExitCode1WithItsSentence() {
        Servers broken = new Servers() {
            @Override
            public RunningServer start(ServeSettings settings) {
                throw new SlayerException(500, "address_in_use", null, "Port 8000 is taken.", null);
            }

            @Override
            public RunningServer startStub(ServeSettings settings) {
                return start(settings);
            }
        };
        CommandRun run = CommandRun.of(broken, Map.of(), "serve", "--model", System.getProperty("java.io.tmpdir"));
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err()).isEqualToNormalizingNewlines("slayer: Port 8000 is taken.\n");
    }

    private CommandRun run(String... args) {
        return CommandRun.of(servers, Map.of(), args);
    }
}
