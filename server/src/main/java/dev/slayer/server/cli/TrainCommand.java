package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.server.cli.settings.TrainSettings;
import dev.slayer.server.cli.train.PeerProcesses;
import dev.slayer.server.cli.train.Training;
import dev.slayer.surgery.SlayerException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer train}: runs of training recipes, without a server. */
final class TrainCommand implements Callable<Integer> {
    private CommandSpec spec;

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Trains parts of a model as recipes say, and writes what was trained as a delta.")
                .sortOptions(false)
                .footer(
                        "",
                        "A run that was stopped, by Ctrl-C or worse, goes on where its last checkpoint is when the same",
                        "command is given again. Several recipes run one after the other, and a table compares them.");
        command.addPositional(PositionalParamSpec.builder()
                .paramLabel("RECIPE")
                .description("A training recipe; training/recipes has some.")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .arity("1..*")
                .required(true)
                .build());
        Options.add(command, TrainSettings.ALL);
    }

    @Override
    public Integer call() {
        List<ModelSource> others;
        List<ModelSource> deltas;
        Path out;
        int processes;
        int timed;
        Optional<Path> peer;
        Optional<String> device;
        Optional<String> precision;
        try {
            SettingValues values = new SettingValues(
                    Options.given(spec.commandLine().getParseResult(), TrainSettings.ALL),
                    Map.of(),
                    Optional.empty(),
                    Options.folder());
            others = values.all(TrainSettings.MODEL);
            deltas = values.all(TrainSettings.DELTA);
            processes = values.one(TrainSettings.NPROC);
            timed = values.one(TrainSettings.TIME_STEPS);
            peer = values.optional(TrainSettings.PEER);
            device = values.optional(TrainSettings.DEVICE);
            precision = values.optional(TrainSettings.PRECISION);
            out = values.optional(TrainSettings.OUT)
                    .orElseGet(() -> Options.folder().resolve("runs"));
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        List<String> recipes = spec.positionalParameters().getFirst().getValue();
        Training training = new Training(
                out,
                device,
                precision,
                new PeerProcesses(
                        processes,
                        Main.class.getName(),
                        options(out, device, precision, others, deltas),
                        System.getenv(PeerProcesses.VARIABLE)),
                (base, action) -> {
                    try (Sources sources = new Sources(base, others, deltas)) {
                        action.with(sources, sources::find);
                    }
                },
                spec.commandLine().getOut(),
                spec.commandLine().getErr());
        List<Path> files = recipes.stream()
                .map(recipe -> Options.folder().resolve(recipe).normalize())
                .toList();
        if (timed > 0) {
            training.time(files, timed, peer);
            return 0;
        }
        return training.run(files) ? 0 : 1;
    }

    /** What the other processes of a run are told. */
    private static List<String> options(
            Path out,
            Optional<String> device,
            Optional<String> precision,
            List<ModelSource> others,
            List<ModelSource> deltas) {
        List<String> options = new ArrayList<>(List.of("--out", out.toString()));
        device.ifPresent(name -> options.addAll(List.of("--device", name)));
        precision.ifPresent(name -> options.addAll(List.of("--precision", name)));
        others.forEach(other -> options.addAll(List.of("--model", other.name() + "=" + other.directory())));
        deltas.forEach(delta -> options.addAll(List.of("--delta", delta.name() + "=" + delta.directory())));
        return options;
    }
}
