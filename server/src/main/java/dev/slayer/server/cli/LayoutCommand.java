package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.LayoutSettings;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.cli.settings.SettingValues;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.layout.LayoutParameters;
import dev.slayer.surgery.layout.LayoutTable;
import dev.slayer.surgery.layout.Namespace;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;

/** {@code slayer layout}: prints what a layout is made of, from config.json alone. */
final class LayoutCommand implements Callable<Integer> {
    private CommandSpec spec;

    void describe(CommandSpec command) {
        spec = command;
        command.usageMessage()
                .description("Prints a layout's slots and parameters; reads no weights.")
                .sortOptions(false)
                .footer(
                        "",
                        "LAYOUT is what may stand behind @ in a model's name: 0-7,avg(7:8),8-11 or",
                        "'remove=3;skip=attn:5'. The same may be given by options. For example:",
                        "  ./slayer layout /models/Llama-2-7b-hf --preset slayer",
                        "  ./slayer layout slayer-tiny@remove=3",
                        "  ./slayer layout '0-5,avg(5:6),6-11'");
        command.addPositional(PositionalParamSpec.builder()
                .index("0..1")
                .arity("0..2")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .paramLabel("[DIR] [LAYOUT] | [NAME@LAYOUT]")
                .hideParamSyntax(true)
                .description("Checkpoint and layout. Default: the embedded slayer-tiny as it is.")
                .build());
        Options.add(command, LayoutSettings.ALL);
    }

    @Override
    public Integer call() {
        SettingValues values = new SettingValues(
                Options.given(spec.commandLine().getParseResult(), LayoutSettings.ALL),
                Map.of(),
                Optional.empty(),
                Options.folder());
        LayoutTable table;
        String name;
        try {
            Request request = Request.of(positionals(), values);
            name = request.base.name();
            table = table(request);
        } catch (SlayerException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.print(values.one(LayoutSettings.JSON) ? LayoutReport.json(name, table) : LayoutReport.text(name, table));
        out.flush();
        return 0;
    }

    private List<String> positionals() {
        return spec.commandLine().getParseResult().matchedPositionalValue(0, List.of());
    }

    private static LayoutTable table(Request request) {
        Map<String, ModelConfig> others = new HashMap<>();
        request.models.forEach(model -> others.put(model.name(), ModelConfig.read(model.directory())));
        ModelConfig config = ModelConfig.read(request.base.directory());
        Namespace names = new Namespace() {
            @Override
            public Optional<ModelConfig> config(String name) {
                return Optional.ofNullable(others.get(name));
            }

            @Override
            public Optional<String> baseName() {
                return Optional.of(request.base.name());
            }
        };
        Layout start = Layout.identity(config.layers());
        for (ModelSource source : request.deltas) {
            try (Delta delta = Delta.open(source.directory(), config, names)) {
                others.put(source.name(), delta.config());
                start = request.deltas.size() == 1 ? delta.served(source.name()) : start;
            }
        }
        Set<String> deltas = request.deltas.stream().map(ModelSource::name).collect(Collectors.toSet());
        return LayoutTable.of(request.layout.expand(config, start, names), config, deltas);
    }

    /**
     * What the command line asks for.
     *
     * @param base whose layers are numbered
     * @param models that have a name
     * @param deltas of the base
     */
    private record Request(
            ModelSource base, List<ModelSource> models, List<ModelSource> deltas, LayoutParameters layout) {
        static Request of(List<String> words, SettingValues values) {
            List<ModelSource> models = values.all(LayoutSettings.MODEL);
            List<String> left = new ArrayList<>(words);
            Optional<ModelSource> base = Optional.empty();
            if (!left.isEmpty()) {
                int at = left.getFirst().lastIndexOf('@');
                if (at >= 0) {
                    base = named(left.getFirst().substring(0, at), models);
                    left.set(0, left.getFirst().substring(at + 1));
                } else {
                    base = directory(left.getFirst());
                    base.ifPresent(found -> left.removeFirst());
                }
            }
            if (left.size() > 1) {
                throw SlayerException.badRequest(
                        "layout", "'" + left.getFirst() + "' is no directory; give a checkpoint, then a layout.");
            }
            ModelSource meant = base.orElseGet(() -> models.isEmpty() ? embedded() : models.getFirst());
            return new Request(
                    meant, models, values.all(LayoutSettings.DELTA), merged(left, LayoutSettings.layout(values)));
        }

        private static LayoutParameters merged(List<String> text, Map<String, String> options) {
            if (text.isEmpty()) {
                return LayoutParameters.of(options);
            }
            Map<String, String> all =
                    new LinkedHashMap<>(LayoutParameters.parse(text.getFirst()).values());
            options.forEach((name, value) -> {
                if (all.put(name, value) != null) {
                    throw SlayerException.badRequest(name, "parameter '" + name + "' is given twice; give it once");
                }
            });
            return LayoutParameters.of(all);
        }

        private static Optional<ModelSource> named(String name, List<ModelSource> models) {
            if (name.isEmpty()) {
                return Optional.empty();
            }
            Optional<ModelSource> found = models.stream()
                    .filter(model -> model.name().equals(name))
                    .findFirst()
                    .or(() -> name.equals(embedded().name()) ? Optional.of(embedded()) : directory(name));
            if (found.isEmpty()) {
                throw SlayerException.badRequest(
                        "layout", "'" + name + "' is no directory and no model's name; name it by --model NAME=DIR.");
            }
            return found;
        }

        private static Optional<ModelSource> directory(String text) {
            try {
                Path path = Options.folder().resolve(text).normalize();
                Path last = path.getFileName();
                return !text.isEmpty() && last != null && Files.isDirectory(path)
                        ? Optional.of(new ModelSource(last.toString(), path))
                        : Optional.empty();
            } catch (InvalidPathException e) {
                return Optional.empty();
            } catch (IllegalArgumentException e) {
                throw new SlayerException(400, "invalid_value", "layout", "'" + text + "' " + e.getMessage() + ".", e);
            }
        }

        private static ModelSource embedded() {
            return new ModelSource("slayer-tiny", ServeCommand.embeddedModel());
        }
    }
}
