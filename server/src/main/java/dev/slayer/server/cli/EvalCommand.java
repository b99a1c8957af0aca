package dev.slayer.server.cli;

import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.eval.EvalSettings;
import dev.slayer.server.cli.eval.Evaluation;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer eval}: lm-evaluation-harness over several variants, or programs for the BigCode harness. */
final class EvalCommand implements Callable<Integer> {
    private static final List<Setting<?>> SERVER = serverSettings();
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
        Options.add(command, SERVER);
    }

    @Override
    public Integer call() {
        Map<String, List<String>> given = Options.given(spec.commandLine().getParseResult(), EvalSettings.ALL);
        Map<String, List<String>> server = Options.given(spec.commandLine().getParseResult(), SERVER);
        EvalSettings settings;
        Optional<ServeSettings> here;
        try {
            settings = EvalSettings.from(new SettingValues(given, Map.of(), Optional.empty(), Options.folder()));
            here = here(settings, given, server);
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        if (here.isEmpty()) {
            SettingValues keys = new SettingValues(given, environment, Optional.empty(), Options.folder());
            Optional<String> apiKey = keys.all(ServeSettings.API_KEY).stream().findFirst();
            evaluate(settings, settings.url().orElseThrow(), apiKey, Map.of());
            return 0;
        }
        try (RunningServer running = servers.start(here.get())) {
            Map<String, Path> checkpoints =
                    here.get().models().stream().collect(Collectors.toMap(ModelSource::name, ModelSource::directory));
            evaluate(settings, running.url().toString(), Optional.empty(), checkpoints);
        }
        return 0;
    }

    /** The server to start in this process; none if the settings name one elsewhere. */
    private Optional<ServeSettings> here(
            EvalSettings settings, Map<String, List<String>> given, Map<String, List<String>> server) {
        SettingValues values = Options.values(server, environment);
        LogConfiguration.level(
                values.isSet(ServeSettings.LOG_LEVEL) ? values.one(ServeSettings.LOG_LEVEL) : LogLevel.WARN);
        if (settings.url().isPresent()) {
            ServeSettings.ENGINE.stream()
                    .filter(setting -> server.containsKey(setting.name()))
                    .findFirst()
                    .ifPresent(setting -> {
                        throw SlayerException.badRequest(
                                setting.option(),
                                setting.option() + " describes a server inside this process and cannot go with --url.");
                    });
            return Optional.empty();
        }
        if (given.containsKey(EvalSettings.API_KEY.name())) {
            throw SlayerException.badRequest(
                    EvalSettings.API_KEY.option(), "--api-key is for the server of --url; there is no --url.");
        }
        HttpSettings anyFreePort = new HttpSettings(
                "127.0.0.1",
                0,
                List.of(),
                List.of(),
                values.one(ServeSettings.MAX_BODY),
                Math.max(values.one(ServeSettings.MAX_REQUESTS), settings.concurrency()));
        return Optional.of(
                ServeSettings.from(values, ServeCommand.embeddedModel()).with(anyFreePort, FolderSettings.NONE));
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
        try (SlayerClient client = client(base, apiKey)) {
            evaluation.run(settings, client);
        } catch (SlayerClientException e) {
            int status = e.status() >= 400 && e.status() <= 599 ? e.status() : 500;
            throw new SlayerException(status, e.code(), null, e.getMessage(), e);
        }
    }

    /** The harness's requirements, driver and tasks in this checkout; the launcher says where that is. */
    private static Path files() {
        return Path.of(System.getProperty("slayer.root", "")).toAbsolutePath().resolve("clients/lm-eval");
    }

    private static SlayerClient client(String url, Optional<String> apiKey) {
        try {
            SlayerClient.Builder builder = SlayerClient.at(url).timeout(LONGEST);
            apiKey.ifPresent(builder::apiKey);
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw new SlayerException(400, "invalid_value", "--url", "--url: " + e.getMessage(), e);
        }
    }

    private static List<Setting<?>> serverSettings() {
        List<Setting<?>> settings = new ArrayList<>(ServeSettings.ENGINE);
        settings.add(ServeSettings.LOG_LEVEL);
        settings.add(ServeSettings.CONFIG);
        return settings;
    }
}
