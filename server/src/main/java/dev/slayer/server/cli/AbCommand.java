package dev.slayer.server.cli;

import dev.slayer.clients.AbEvent;
import dev.slayer.clients.AbRequest;
import dev.slayer.clients.EventStream;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.ab.AbReport;
import dev.slayer.server.cli.ab.AbSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
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
        Options.add(command, Target.SERVER);
    }

    @Override
    public Integer call() {
        Map<String, List<String>> given = Options.given(spec.commandLine().getParseResult(), AbSettings.ALL);
        Map<String, List<String>> server = Options.given(spec.commandLine().getParseResult(), Target.SERVER);
        List<String> prompts = spec.commandLine().getParseResult().matchedPositionalValue(0, List.of());
        AbSettings settings;
        Target target;
        try {
            settings = AbSettings.from(new SettingValues(given, Map.of(), Optional.empty(), Options.folder()));
            target = Target.of(settings.url(), given, server, environment, LogLevel.WARN, 1);
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        return switch (target) {
            case Target.Remote(String url, Optional<String> apiKey) -> compare(settings, prompts, url, apiKey);
            case Target.Here(ServeSettings there) -> {
                try (RunningServer running = servers.start(there)) {
                    yield compare(settings, prompts, running.url().toString(), Optional.empty());
                }
            }
        };
    }

    private int compare(AbSettings settings, List<String> prompts, String url, Optional<String> apiKey) {
        AbRequest request = new AbRequest(settings.variants(), prompts, Map.of())
                .maxTokens(settings.maxTokens())
                .temperature(settings.temperature());
        if (settings.seed().isPresent()) {
            request = request.seed(settings.seed().get());
        }
        try (SlayerClient client = Target.client(url, apiKey).build();
                EventStream<AbEvent> events = client.stream(request)) {
            return print(events, prompts, settings);
        } catch (SlayerClientException e) {
            throw Target.failure(e);
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
}
