package dev.slayer.server.cli;

import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.SlayerClientException;
import dev.slayer.server.cli.bundle.SelfTest;
import dev.slayer.server.cli.settings.FolderSettings;
import dev.slayer.server.cli.settings.HttpSettings;
import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;

/** {@code slayer self-test}: whether this installation serves slayer-tiny, whole and without a layer, as it should. */
final class SelfTestCommand implements Callable<Integer> {
    private static final int REQUESTS = 16;

    private final Servers servers;
    private CommandSpec spec;

    SelfTestCommand(Servers servers) {
        this.servers = servers;
    }

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description(
                        "Serves slayer-tiny on the CPU for a moment and compares its answers with those of transformers.");
    }

    @Override
    public Integer call() {
        LogConfiguration.level(LogLevel.WARN);
        SettingValues defaults = new SettingValues(Map.of(), Map.of(), Optional.empty(), Options.folder());
        HttpSettings anyFreePort =
                new HttpSettings("127.0.0.1", 0, List.of(), List.of(), defaults.one(HttpSettings.MAX_BODY), REQUESTS);
        ServeSettings settings =
                ServeSettings.from(defaults, ServeCommand.embeddedModel()).with(anyFreePort, FolderSettings.NONE);
        PrintWriter out = spec.commandLine().getOut();
        try (RunningServer server = servers.start(settings);
                SlayerClient client = SlayerClient.connect(server.url().toString())) {
            boolean passed = SelfTest.embedded().passes(client, out);
            out.println(passed ? "Slayer " + Version.current() + " works here." : "Slayer does not work as it should.");
            out.flush();
            return passed ? 0 : 1;
        } catch (SlayerClientException e) {
            throw SlayerException.internal("the self-test's server did not answer: " + e.getMessage(), e);
        }
    }
}
