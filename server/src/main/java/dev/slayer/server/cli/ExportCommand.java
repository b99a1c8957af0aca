package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ExportSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.export.CheckpointExport;
import dev.slayer.surgery.layout.Expansion;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.LayoutTable;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer export}: writes an edited stack, or a delta over its base, as a checkpoint, without a server. */
final class ExportCommand implements Callable<Integer> {
    private CommandSpec spec;

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description(
                        "Writes an edited stack of layers, or a trained delta over its base, as a Hugging Face checkpoint.")
                .sortOptions(false)
                .footer(
                        "",
                        "LAYOUT is what stands behind the @ of a model's name: 0-7,avg(7:8),8-11 or",
                        "remove=3;insert=5:average or preset=slayer. With one --delta, edits start from",
                        "what it trained, and without LAYOUT that is what is written.");
        command.addPositional(positional(0, "DIR", "The base checkpoint, in Hugging Face format.", true));
        command.addPositional(positional(1, "LAYOUT", "The stack, in the grammar of layouts.", false));
        Options.add(command, ExportSettings.ALL);
    }

    private static PositionalParamSpec positional(int index, String label, String description, boolean required) {
        return PositionalParamSpec.builder()
                .index(Integer.toString(index))
                .paramLabel(label)
                .description(description)
                .type(String.class)
                .arity(required ? "1" : "0..1")
                .required(required)
                .build();
    }

    @Override
    public Integer call() {
        CheckpointExport export;
        List<ModelSource> others;
        List<ModelSource> deltas;
        try {
            SettingValues values = new SettingValues(
                    Options.given(spec.commandLine().getParseResult(), ExportSettings.ALL),
                    Map.of(),
                    Optional.empty(),
                    Options.folder());
            export = settings(values);
            others = values.all(ExportSettings.MODEL);
            deltas = values.all(ExportSettings.DELTA);
            requireLayout(deltas);
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        try (Sources sources = new Sources(Options.folder().resolve(positional(0)), others, deltas);
                Interruption _ = Interruption.onShutdown()) {
            export(export, sources);
        }
        return 0;
    }

    private void requireLayout(List<ModelSource> deltas) {
        if (positional(1) == null && deltas.size() != 1) {
            throw SlayerException.badRequest(
                    "LAYOUT", "LAYOUT is missing; it can be left out only where there is one --delta to merge");
        }
    }

    private CheckpointExport settings(SettingValues values) {
        Path out = values.optional(ExportSettings.OUT)
                .orElseThrow(
                        () -> SlayerException.badRequest("--out", "--out names the folder to write; it is needed"));
        Path base = Options.folder().resolve(positional(0)).normalize();
        return new CheckpointExport(
                out,
                values.one(ExportSettings.SHARD_SIZE),
                String.valueOf(base.getFileName()),
                "Slayer " + Version.current());
    }

    private String positional(int index) {
        return spec.positionalParameters().get(index).getValue();
    }

    private void export(CheckpointExport export, Sources sources) {
        Checkpoint base = sources.checkpoint("");
        LayoutParameters edits = positional(1) == null ? LayoutParameters.NONE : LayoutParameters.parse(positional(1));
        Expansion expansion = edits.expand(
                base.config(), sources.start(), name -> sources.find(name).map(Checkpoint::config));
        LayoutTable table = LayoutTable.of(expansion, base.config());
        PrintWriter err = spec.commandLine().getErr();
        err.printf(
                Locale.ROOT,
                "%s%n%d layers, %,d parameters%n",
                table.layout(),
                table.rows().size(),
                table.parameters());
        err.flush();
        CheckpointExport.Written written = export.write(base, expansion.layout(), sources, new Percent(err)::written);
        PrintWriter out = spec.commandLine().getOut();
        out.println(written.folder());
        out.flush();
    }

    /** Prints a line for each tenth of the way. */
    private static final class Percent {
        private static final int STEP = 10;
        private final PrintWriter err;
        private long next = STEP;

        Percent(PrintWriter err) {
            this.err = err;
        }

        void written(long done, long of) {
            long percent = done * 100 / of;
            if (percent >= next) {
                err.printf(Locale.ROOT, "%3d %% of %,d bytes written%n", percent, of);
                err.flush();
                next = percent / STEP * STEP + STEP;
            }
        }
    }
}
