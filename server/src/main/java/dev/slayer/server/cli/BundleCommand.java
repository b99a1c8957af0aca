package dev.slayer.server.cli;

import dev.slayer.server.cli.bundle.Bundle;
import dev.slayer.server.cli.bundle.BundleSettings;
import dev.slayer.server.cli.bundle.Installation;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer bundle}: packs this installation for a machine without network. */
final class BundleCommand implements Callable<Integer> {
    private CommandSpec spec;

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Packs Slayer with a Java runtime, in parts, for machines without network.")
                .sortOptions(false)
                .footer(
                        "",
                        "Carry the folder over, then: sh unpack.sh && slayer-bundle/slayer self-test.",
                        "Every command of Slayer works there, from that folder; nothing is built.");
        Options.add(command, BundleSettings.ALL);
    }

    @Override
    public Integer call() {
        BundleSettings settings;
        try {
            settings = BundleSettings.from(new SettingValues(
                    Options.given(spec.commandLine().getParseResult(), BundleSettings.ALL),
                    Map.of(),
                    Optional.empty(),
                    Options.folder()));
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        Bundle.Written written;
        try (Interruption _ = Interruption.onShutdown()) {
            written = Bundle.write(settings, Installation.running(Main.class, Version.current()));
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                Locale.ROOT,
                "%s: %d parts, %,d bytes, %,d files%n",
                written.folder(),
                written.parts(),
                written.bytes(),
                written.files());
        out.flush();
        return 0;
    }
}
