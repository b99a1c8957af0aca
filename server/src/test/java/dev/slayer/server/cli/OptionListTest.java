package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.cli.ab.AbSettings;
import dev.slayer.server.cli.bench.BenchSettings;
import dev.slayer.server.cli.bundle.BundleSettings;
import dev.slayer.server.cli.eval.EvalSettings;
import dev.slayer.server.cli.settings.LayoutSettings;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.suite.SuiteSettings;
import dev.slayer.surgery.layout.LayoutParameters;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** A new option is a promise to users: it has to be added here and in the README on purpose. */
class OptionListTest {
    private static final String BEGIN = "<!-- settings -->\n";
    private static final String END = "<!-- /settings -->";

    @Test
    void serveHasTheseOptionsAndNoOthers() {
        assertThat(ServeSettings.ALL)
                .extracting(Setting::name)
                .containsExactly(
                        "model",
                        "host",
                        "port",
                        "device",
                        "onnxruntime-library",
                        "kv-dtype",
                        "dtype",
                        "threads",
                        "max-sequences",
                        "max-queue",
                        "max-batch-tokens",
                        "kv-memory",
                        "prefix-cache-memory",
                        "derived-blocks-memory",
                        "derived-blocks-idle",
                        "api-key",
                        "cors-origin",
                        "max-body",
                        "max-requests",
                        "data-folder",
                        "export-folder",
                        "checkpoint-folder",
                        "deltas",
                        "training-device",
                        "training-memory",
                        "training-threads",
                        "max-file",
                        "max-files",
                        "drain-timeout",
                        "log-level",
                        "config");
    }

    @Test
    void benchHasTheseOptionsAndNoOthers() {
        assertThat(BenchSettings.ALL)
                .extracting(Setting::name)
                .containsExactly(
                        "url",
                        "stub",
                        "request-model",
                        "compare",
                        "new-layouts",
                        "choices",
                        "subject-items",
                        "shot-tokens",
                        "question-tokens",
                        "choice-tokens",
                        "compare-cache-off",
                        "prompt-tokens",
                        "output-tokens",
                        "concurrency",
                        "requests",
                        "warmup",
                        "repetitions",
                        "seed",
                        "timeout",
                        "json",
                        "api-key");
    }

    @Test
    void theGpuSuiteHasTheseOptionsOfItsOwn() {
        assertThat(SuiteSettings.ALL)
                .extracting(Setting::name)
                .containsExactly("gpu-suite", "shape", "only", "part-time", "work", "out");
    }

    @Test
    void abHasTheseOptionsAndNoOthers() {
        assertThat(AbSettings.ALL)
                .extracting(Setting::name)
                .containsExactly("url", "variant", "max-tokens", "temperature", "seed", "width", "api-key");
    }

    @Test
    void bundleHasTheseOptionsAndNoOthers() {
        assertThat(BundleSettings.ALL)
                .extracting(Setting::name)
                .containsExactly("out", "split", "without", "gpu-libraries");
    }

    @Test
    void evalHasTheseOptionsAndNoOthers() {
        assertThat(EvalSettings.ALL)
                .extracting(Setting::name)
                .containsExactly(
                        "tasks",
                        "bigcode",
                        "variant",
                        "url",
                        "limit",
                        "num-fewshot",
                        "num-concurrent",
                        "batch-size",
                        "tokenizer-backend",
                        "tokenizer",
                        "gen-kwargs",
                        "confirm-run-unsafe-code",
                        "out",
                        "environment",
                        "n-samples",
                        "temperature",
                        "max-length",
                        "api-key");
    }

    @Test
    void layoutHasTheseOptionsAndNoOthers() {
        assertThat(LayoutSettings.ALL)
                .extracting(Setting::name)
                .containsExactly(
                        "model",
                        "delta",
                        "layers",
                        "preset",
                        "pattern",
                        "groups",
                        "group-size",
                        "delete",
                        "init",
                        "final",
                        "insert",
                        "remove",
                        "skip",
                        "scale",
                        "json");
        assertThat(LayoutSettings.LAYOUT)
                .extracting(setting -> setting.name().replace('-', '_'))
                .as("an option for each parameter of a request")
                .containsExactlyElementsOf(LayoutParameters.names());
    }

    @Test
    void theTableInTheReadmeIsTheOneOfTheSettings() throws IOException {
        Path readme = Path.of(System.getProperty("slayer.root", "..")).resolve("README.md");
        String text = Files.readString(readme);
        assertThat(text).contains(BEGIN).contains(END);
        int from = text.indexOf(BEGIN) + BEGIN.length();
        assertThat(text.substring(from, text.indexOf(END, from)))
                .as("the configuration table of README.md; replace it by the expected text")
                .isEqualTo(table());
    }

    private static String table() {
        StringBuilder table = new StringBuilder("| option | default | what it does |\n|---|---|---|\n");
        for (Setting<?> setting : ServeSettings.ALL) {
            table.append("| `")
                    .append(setting.option())
                    .append(' ')
                    .append(setting.label())
                    .append(setting.repeatable() ? "`, repeatable | " : "` | ")
                    .append(setting.defaultText())
                    .append(" | ")
                    .append(setting.sentence())
                    .append(" |\n");
        }
        return table.toString();
    }
}
