package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.Nearest;
import dev.slayer.surgery.SlayerException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** What {@code ./slayer} runs. Exit codes: 0 done, 1 failed, 2 used wrongly. */
public final class Main {
    private Main() {}

    /** Runs a command and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(commandLine(new Server(), System.getenv()).execute(args));
    }

    /**
     * The whole command line.
     *
     * @param servers what commands start
     * @param environment the process's variables
     */
    static CommandLine commandLine(Servers servers, Map<String, String> environment) {
        CommandSpec root = CommandSpec.create()
                .name("slayer")
                .version("Slayer " + Version.current())
                .mixinStandardHelpOptions(true);
        root.usageMessage()
                .description("Serves Llama-family checkpoints whose layers can be edited in every request.")
                .footer(
                        "",
                        "The launcher adds: build, test (runs every test), format (formats the sources).",
                        "'./slayer COMMAND --help' shows the options of a command.");
        root.addSubcommand("serve", serve(servers, environment));
        root.addSubcommand("bench", bench(servers, environment));
        root.addSubcommand("ab", ab(servers, environment));
        root.addSubcommand("eval", eval(servers, environment));
        root.addSubcommand("export", export());
        root.addSubcommand("layout", layout());
        root.addSubcommand("train", train());
        root.addSubcommand("bundle", bundle());
        root.addSubcommand("self-test", selfTest(servers));
        CommandLine commandLine = new CommandLine(root);
        commandLine.setParameterExceptionHandler(Main::usageError);
        commandLine.setExecutionExceptionHandler(Main::failure);
        return commandLine;
    }

    private static CommandSpec serve(Servers servers, Map<String, String> environment) {
        ServeCommand command = new ServeCommand(servers, environment);
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec bench(Servers servers, Map<String, String> environment) {
        BenchCommand command = new BenchCommand(servers, environment);
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec ab(Servers servers, Map<String, String> environment) {
        AbCommand command = new AbCommand(servers, environment);
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec eval(Servers servers, Map<String, String> environment) {
        EvalCommand command = new EvalCommand(servers, environment);
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec export() {
        ExportCommand command = new ExportCommand();
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec layout() {
        LayoutCommand command = new LayoutCommand();
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec train() {
        TrainCommand command = new TrainCommand();
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec bundle() {
        BundleCommand command = new BundleCommand();
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static CommandSpec selfTest(Servers servers) {
        SelfTestCommand command = new SelfTestCommand(servers);
        CommandSpec spec = CommandSpec.wrapWithoutInspection(command).mixinStandardHelpOptions(true);
        command.describe(spec);
        return spec;
    }

    private static int usageError(ParameterException error, String[] args) {
        CommandLine command = error.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("slayer: " + error.getMessage());
        if (error instanceof UnmatchedArgumentException unmatched) {
            String mistyped = unmatched.getUnmatched().getFirst();
            Nearest.to(mistyped, names(command.getCommandSpec()))
                    .ifPresent(name -> err.println("Did you mean '" + name + "'?"));
        }
        if (command.getParent() == null) {
            command.usage(err);
        } else {
            err.println("See './" + command.getCommandSpec().qualifiedName() + " --help'.");
        }
        err.flush();
        return CommandLine.ExitCode.USAGE;
    }

    private static List<String> names(CommandSpec command) {
        return Stream.concat(command.optionsMap().keySet().stream(), command.subcommands().keySet().stream())
                .toList();
    }

    private static int failure(Exception error, CommandLine command, CommandLine.ParseResult parsed) {
        if (error instanceof SlayerException expected) {
            command.getErr().println("slayer: " + expected.getMessage());
            command.getErr().flush();
        } else {
            Logger log = LoggerFactory.getLogger(Main.class);
            log.error(
                    "{} failed by a defect of Slayer; please report it.",
                    parsed.commandSpec().qualifiedName(),
                    error);
        }
        return CommandLine.ExitCode.SOFTWARE;
    }
}
