package dev.slayer.server.cli;

import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.eval.EvalSettings;
import dev.slayer.server.cli.eval.Evaluation;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer eval}: lm-evaluation-harness over several variants, or programs for the BigCode harness. */
final class EvalCommand implements Callable<Integer> {
    private static final Duration LONGEST = Duration.ofHours(1); // one request of many long programs

    private final Servers servers;
    private final Map<String, String> environment;
    private CommandSpec spec;

    EvalCommand(Servers servers, Map<String, String> environment) {
        this.servers = servers;
        this.environment = environment;
    }

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Evaluates variants of a model with lm-evaluation-harness.")
                .sortOptions(false)
                .footer(
                        "",
                        "The first use sets up Python packages, which needs Python 3.11 or newer and",
                        "the Python package index. Without --url, the options from --model on describe",
                        "the server that is started in this process. For example:",
                        "  ./slayer eval --tasks slayer --confirm-run-unsafe-code --limit 20 \\",
                        "    --variant base --variant base@remove=5",
                        "See clients/lm-eval/README.md.");
        Options.add(command, EvalSettings.ALL);
        Options.add(command, Target.SERVER);
    }

    @Override
    public Integer call() {
        Map<String, List<String>> given = Options.given(spec.commandLine().getParseResult(), EvalSettings.ALL);
        Map<String, List<String>> server = Options.given(spec.commandLine().getParseResult(), Target.SERVER);
        EvalSettings settings;
        Target target;
        try {
            settings = EvalSettings.from(new SettingValues(given, Map.of(), Optional.empty(), Options.folder()));
            target = Target.of(settings.url(), given, server, environment, LogLevel.WARN, settings.concurrency());
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        switch (target) {
            case Target.Remote(String url, Optional<String> apiKey) -> evaluate(settings, url, apiKey, Map.of());
            case Target.Here(ServeSettings there) -> {
                Map<String, Path> checkpoints =
                        there.models().stream().collect(Collectors.toMap(ModelSource::name, ModelSource::directory));
                try (RunningServer running = servers.start(there)) {
                    evaluate(settings, running.url().toString(), Optional.empty(), checkpoints);
                }
            }
        }
        return 0;
    }

    private void evaluate(EvalSettings settings, String url, Optional<String> apiKey, Map<String, Path> checkpoints) {
        String base = url.replaceFirst("/+$", "");
        Evaluation evaluation = new Evaluation(
                base,
                apiKey,
                checkpoints,
                files(),
                environment,
                spec.commandLine().getOut(),
                spec.commandLine().getErr());
        try (SlayerClient client = Target.client(base, apiKey).timeout(LONGEST).build()) {
            evaluation.run(settings, client);
        } catch (SlayerClientException e) {
            throw Target.failure(e);
        }
    }

    /** The harness's requirements, driver and tasks in this checkout; the launcher says where that is. */
    private static Path files() {
        return Path.of(System.getProperty("slayer.root", "")).toAbsolutePath().resolve("clients/lm-eval");
    }
}
