package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.URI;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer serve}: starts a server and keeps it until a signal comes. */
final class ServeCommand implements Callable<Integer> {
    private final Servers servers;
    private final Map<String, String> environment;
    private CommandSpec spec;

    ServeCommand(Servers servers, Map<String, String> environment) {
        this.servers = servers;
        this.environment = environment;
    }

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Serves models by an OpenAI-compatible API.")
                .sortOptions(false)
                .footer(
                        "",
                        "Every setting may also stand in the environment (--max-queue is",
                        "SLAYER_MAX_QUEUE; several values are separated by commas) or in the YAML file",
                        "of --config (max-queue: 1024). The command line wins over the environment, the",
                        "environment over the file. SIGTERM and Ctrl-C let running requests finish.");
        Options.add(command, ServeSettings.ALL);
    }

    @Override
    public Integer call() throws InterruptedException {
        ServeSettings settings = settings();
        LogConfiguration.level(settings.logLevel());
        RunningServer server = servers.start(settings);
        Shutdown shutdown = Shutdown.onSignal(server, settings.drainTimeout());
        PrintWriter out = spec.commandLine().getOut();
        out.print(greeting(server, !settings.http().apiKeys().isEmpty(), secondsSinceStart()));
        out.flush();
        shutdown.await();
        return 0;
    }

    private ServeSettings settings() {
        try {
            return ServeSettings.from(
                    Options.values(Options.given(spec.commandLine().getParseResult(), ServeSettings.ALL), environment),
                    embeddedModel());
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    /** The model in this checkout; the launcher says where that is. */
    static Path embeddedModel() {
        return Path.of(System.getProperty("slayer.root", "")).toAbsolutePath().resolve("test-data/slayer-tiny");
    }

    /** What is printed when the server is ready. */
    static String greeting(RunningServer server, boolean needsKey, double seconds) {
        String url = reachable(server.url());
        // Of several keys in the variable, separated by commas, the first.
        String key = needsKey ? " -H \"Authorization: Bearer ${SLAYER_API_KEY%%,*}\"" : "";
        return String.format(
                Locale.ROOT,
                """
                Slayer %s serves %s at %s (ready %.2f s after its start). Try%s:

                  curl -N %s/v1/completions%s -H 'Content-Type: application/json' -d '{"model":"%s","prompt":"%s","max_tokens":48,"temperature":0,"stream":true}'

                """,
                Version.current(),
                String.join(", ", server.models()),
                url,
                seconds,
                needsKey ? ", with your key in SLAYER_API_KEY" : "",
                url,
                key,
                server.models().getFirst(),
                "Q: 17+25=? A:");
    }

    /** The URL to call from this machine: a server that listens on every network is not called by that address. */
    private static String reachable(URI url) {
        String host = switch (url.getHost()) {
            case "0.0.0.0" -> "127.0.0.1";
            case "[::]" -> "[::1]";
            default -> url.getHost();
        };
        return url.getScheme() + "://" + host + ":" + url.getPort();
    }

    private static double secondsSinceStart() {
        return (System.currentTimeMillis()
                        - ManagementFactory.getRuntimeMXBean().getStartTime())
                / 1000.0;
    }
}
