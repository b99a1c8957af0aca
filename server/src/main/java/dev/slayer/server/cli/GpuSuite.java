package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.LogLevel;
import dev.slayer.server.cli.settings.ServeSettings;
import dev.slayer.server.cli.settings.Setting;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.server.cli.suite.Suite;
import dev.slayer.server.cli.suite.SuiteReport;
import dev.slayer.server.cli.suite.SuiteSettings;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** {@code slayer bench --gpu-suite}: what a device can do, and what is reached of it. */
record GpuSuite(CommandLine command, Map<String, String> environment) {
    /**
     * Measures, prints the table and gives the exit code: 0 if all that was tried was measured and the numbers are right.
     *
     * @param own options of the suite, as given
     * @param load options of a load, as given; there may be none
     * @param server options of a server, as given; few have a meaning here
     */
    int run(Map<String, List<String>> own, Map<String, List<String>> load, Map<String, List<String>> server) {
        SuiteSettings settings;
        try {
            SettingValues values = new SettingValues(own, Map.of(), Optional.empty(), Options.folder());
            if (!values.one(SuiteSettings.GPU_SUITE)) {
                throw foreign(own.keySet(), "goes with --gpu-suite only");
            }
            refuseOthers(load, server);
            SettingValues machine = Options.values(server, environment);
            LogConfiguration.level(
                    machine.isSet(ServeSettings.LOG_LEVEL) ? machine.one(ServeSettings.LOG_LEVEL) : LogLevel.WARN);
            settings = SuiteSettings.from(values, machine);
        } catch (SlayerException e) {
            throw new ParameterException(command, e.getMessage(), e);
        }
        PrintWriter err = command.getErr();
        Suite suite = new Suite(settings, settings.site(), Version.current(), environment, line -> {
            err.println(line);
            err.flush();
        });
        SuiteReport report = suite.run();
        command.getOut().print(report.table());
        command.getOut().flush();
        return report.sound() ? 0 : 1;
    }

    private static void refuseOthers(Map<String, List<String>> load, Map<String, List<String>> server) {
        if (!load.isEmpty()) {
            throw foreign(load.keySet(), "cannot go with --gpu-suite, which has loads of its own");
        }
        Set<String> known = SuiteSettings.OF_SERVER.stream().map(Setting::name).collect(Collectors.toSet());
        Set<String> unknown = new TreeSet<>(server.keySet());
        unknown.removeAll(known);
        if (!unknown.isEmpty()) {
            throw foreign(unknown, "cannot go with --gpu-suite, which has models and limits of its own");
        }
    }

    private static SlayerException foreign(Set<String> names, String why) {
        String option = "--" + new TreeSet<>(names).first();
        return SlayerException.badRequest(option, option + " " + why + ".");
    }
}
