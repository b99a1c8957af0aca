package dev.slayer.server.cli;

import dev.slayer.clients.AbEvent;
import dev.slayer.clients.AbRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.ab.AbReport;
import dev.slayer.server.cli.ab.AbSettings;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.io.Console;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer ab}: answers of several variants side by side, and how far they are apart. */
final class AbCommand implements Callable<Integer> {
    private static final List<Setting<?>> SERVER = serverSettings();
    private static final int USUAL_WIDTH = 100;

    private final Servers servers;
    private final Map<String, String> environment;
    private CommandSpec spec;

    AbCommand(Servers servers, Map<String, String> environment) {
        this.servers = servers;
        this.environment = environment;
    }

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Compares variants of a model: their answers, and how far they are apart.")
                .sortOptions(false)
                .footer(
                        "",
                        "Without --url, the options from --model on describe the server that is started",
                        "in this process; base is its first model. For example:",
                        "  ./slayer ab 'Once upon a time' --variant base --variant base@remove=3");
        command.addPositional(PositionalParamSpec.builder()
                .paramLabel("PROMPT")
                .description("Texts to go on with.")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .arity("1..*")
                .required(true)
                .build());
        Options.add(command, AbSettings.ALL);
        Options.add(command, SERVER);
    }

    @Override
    public Integer call() {
        Map<String, List<String>> given = Options.given(spec.commandLine().getParseResult(), AbSettings.ALL);
        Map<String, List<String>> server = Options.given(spec.commandLine().getParseResult(), SERVER);
        List<String> prompts = spec.commandLine().getParseResult().matchedPositionalValue(0, List.of());
        AbSettings settings;
        Optional<ServeSettings> here;
        try {
            settings = AbSettings.from(new SettingValues(given, Map.of(), Optional.empty(), Options.folder()));
            here = here(settings, given, server);
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        if (here.isEmpty()) {
            SettingValues keys = new SettingValues(given, environment, Optional.empty(), Options.folder());
            return compare(
                    settings,
                    prompts,
                    settings.url().orElseThrow(),
                    keys.all(ServeSettings.API_KEY).stream().findFirst());
        }
        try (RunningServer running = servers.start(here.get())) {
            return compare(settings, prompts, running.url().toString(), Optional.empty());
        }
    }

    /** The server to start in this process; none if the settings name one elsewhere. */
    private Optional<ServeSettings> here(
            AbSettings settings, Map<String, List<String>> given, Map<String, List<String>> server) {
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
        if (given.containsKey(AbSettings.API_KEY.name())) {
            throw SlayerException.badRequest(
                    AbSettings.API_KEY.option(), "--api-key is for the server of --url; there is no --url.");
        }
        HttpSettings anyFreePort = new HttpSettings(
                "127.0.0.1",
                0,
                List.of(),
                List.of(),
                values.one(ServeSettings.MAX_BODY),
                values.one(ServeSettings.MAX_REQUESTS));
        return Optional.of(
                ServeSettings.from(values, ServeCommand.embeddedModel()).with(anyFreePort, FolderSettings.NONE));
    }

    private int compare(AbSettings settings, List<String> prompts, String url, Optional<String> apiKey) {
        AbRequest request = new AbRequest(settings.variants(), prompts, Map.of())
                .maxTokens(settings.maxTokens())
                .temperature(settings.temperature());
        if (settings.seed().isPresent()) {
            request = request.seed(settings.seed().get());
        }
        try (SlayerClient client = client(url, apiKey);
                EventStream<AbEvent> events = client.stream(request)) {
            return print(events, prompts, settings);
        } catch (SlayerClientException e) {
            int status = e.status() >= 400 && e.status() <= 599 ? e.status() : 500;
            throw new SlayerException(status, e.code(), null, e.getMessage(), e);
        }
    }

    private static SlayerClient client(String url, Optional<String> apiKey) {
        try {
            SlayerClient.Builder builder = SlayerClient.at(url);
            apiKey.ifPresent(builder::apiKey);
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw new SlayerException(400, "invalid_value", "--url", "--url: " + e.getMessage(), e);
        }
    }

    /** Prints a prompt's answers as soon as all are there. */
    private int print(EventStream<AbEvent> events, List<String> prompts, AbSettings settings) {
        PrintWriter out = spec.commandLine().getOut();
        AbReport report = new AbReport(settings.width().orElseGet(this::terminalWidth));
        List<AbEvent.Answer> answers = new ArrayList<>();
        int code = 0;
        while (events.hasNext()) {
            switch (events.next()) {
                case AbEvent.Answer answer -> answers.add(answer);
                case AbEvent.Failure failure -> {
                    code = 1;
                    spec.commandLine().getErr().println("slayer: " + failure.variant() + ": " + failure.message());
                    spec.commandLine().getErr().flush();
                }
                case AbEvent.Summary summary
                when summary.prompt() != null -> {
                    if (prompts.size() > 1) {
                        out.println("Prompt: " + prompts.get(summary.prompt()));
                        out.println();
                    }
                    answers.sort(Comparator.comparingInt((AbEvent.Answer answer) ->
                                    settings.variants().indexOf(unnumbered(answer.variant())))
                            .thenComparing(AbEvent.Answer::variant));
                    out.println(report.answers(answers));
                    out.println(AbReport.table(summary));
                    out.flush();
                    answers.clear();
                }
                case AbEvent.Summary summary -> {
                    if (prompts.size() > 1) {
                        out.println("All prompts");
                        out.println();
                        out.println(AbReport.table(summary));
                        out.flush();
                    }
                }
                case AbEvent.Token token -> {}
                case AbEvent.Unknown unknown -> {}
            }
        }
        return code;
    }

    /** The server tells a model that is compared with itself apart by a number. */
    private static String unnumbered(String label) {
        return label.replaceFirst("#\\d+$", "");
    }

    private int terminalWidth() {
        String columns = environment.getOrDefault("COLUMNS", "");
        if (columns.matches("\\d{2,4}")) {
            return Integer.parseInt(columns);
        }
        return Optional.ofNullable(System.console()) // there is none where output goes into a file
                .filter(Console::isTerminal)
                .map(terminal ->
                        CommandSpec.create().usageMessage().autoWidth(true).width())
                .orElse(USUAL_WIDTH);
    }

    private static List<Setting<?>> serverSettings() {
        List<Setting<?>> settings = new ArrayList<>(ServeSettings.ENGINE);
        settings.add(ServeSettings.LOG_LEVEL);
        settings.add(ServeSettings.CONFIG);
        return settings;
    }
}
