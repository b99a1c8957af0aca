package dev.slayer.server.cli;

import dev.slayer.server.cli.bench.BenchSettings;
import dev.slayer.server.cli.bench.Endpoint;
import dev.slayer.server.cli.bench.LoadGenerator;
import dev.slayer.server.cli.bench.Report;
import dev.slayer.server.cli.bench.Workload;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.server.cli.suite.SuiteSettings;
import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer bench}: puts a load on a running server, or on one that it starts in this process. */
final class BenchCommand implements Callable<Integer> {
    private final Servers servers;
    private final Map<String, String> environment;
    private CommandSpec spec;

    BenchCommand(Servers servers, Map<String, String> environment) {
        this.servers = servers;
        this.environment = environment;
    }

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description(
                        "Measures a server under load: time to first token, latency between tokens, tokens/s, memory;"
                                + " or how fast it scores.")
                .sortOptions(false)
                .footer(
                        "",
                        "Without --url, the options from --model on describe the server that is started",
                        "in this process; they may also stand in the environment or in the file of",
                        "--config, as for serve.");
        Options.add(command, BenchSettings.ALL);
        Options.add(command, SuiteSettings.ALL);
        Options.add(command, Target.SERVER);
    }

    @Override
    public Integer call() {
        Map<String, List<String>> load = Options.given(spec.commandLine().getParseResult(), BenchSettings.ALL);
        Map<String, List<String>> server = Options.given(spec.commandLine().getParseResult(), Target.SERVER);
        Map<String, List<String>> suite = Options.given(spec.commandLine().getParseResult(), SuiteSettings.ALL);
        if (!suite.isEmpty()) {
            return new GpuSuite(spec.commandLine(), environment).run(suite, load, server);
        }
        BenchSettings settings;
        Target target;
        try {
            settings = BenchSettings.from(new SettingValues(load, Map.of(), Optional.empty(), Options.folder()));
            target = Target.of(
                    settings.url(),
                    load,
                    server,
                    environment,
                    LogLevel.INFO,
                    settings.workload().concurrency());
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        Report report = measure(settings, target);
        PrintWriter out = spec.commandLine().getOut();
        out.print(report.table());
        out.flush();
        settings.json().ifPresent(file -> write(file, report.json()));
        return report.errorCount() == 0 ? 0 : 1;
    }

    private Report measure(BenchSettings settings, Target target) {
        return switch (target) {
            case Target.Remote(String url, Optional<String> apiKey) -> measure(settings, Endpoint.remote(url, apiKey));
            case Target.Here(ServeSettings server) -> {
                try (RunningServer running = start(settings, server);
                        RunningServer other = cacheOff(settings, server)) {
                    Optional<String> second =
                            Optional.ofNullable(other).map(there -> there.url().toString());
                    yield measure(settings, Endpoint.here(running.url().toString(), second));
                }
            }
        };
    }

    private static Report measure(BenchSettings settings, Endpoint endpoint) {
        try (LoadGenerator load = new LoadGenerator(settings, endpoint)) {
            return load.run();
        }
    }

    private RunningServer start(BenchSettings settings, ServeSettings server) {
        return settings.stub() ? servers.startStub(server) : servers.start(server);
    }

    /** The second server of a comparison with the prefix cache off; null if none is asked for. */
    private RunningServer cacheOff(BenchSettings settings, ServeSettings server) {
        return settings.workload() instanceof Workload.Choices choices && choices.compareCacheOff()
                ? start(settings, server.withoutPrefixCache())
                : null;
    }

    private static void write(Path file, String json) {
        try {
            Files.writeString(file, json);
        } catch (IOException e) {
            throw new SlayerException(
                    400, "invalid_value", "--json", "--json: " + file + " cannot be written: " + e, e);
        }
    }
}
