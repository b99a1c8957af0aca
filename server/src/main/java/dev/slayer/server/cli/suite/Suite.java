package dev.slayer.server.cli.suite;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Measures one part after another. A part that fails becomes a row, and the rest goes on; whatever ends the process early leaves the
 * rows that there were.
 */
public final class Suite {
    /** Names of all parts, in their order. */
    static final List<String> PARTS = List.of(
            LimitsPart.NAME,
            NumericsPart.NAME,
            "decode",
            "prefill",
            "offline",
            "new-layouts",
            "mixed",
            "scoring",
            "sweep",
            "peer",
            "training");

    private static final String RESULTS = "gpu-suite";

    private final SuiteSettings settings;
    private final Site site;
    private final Consumer<String> progress;
    private final List<Part> serving;
    private final List<Part> others;
    private final Map<String, String> facts;
    private final List<Figure> figures = new ArrayList<>();

    /**
     * @param site where to compute
     * @param version of Slayer
     * @param environment the process's variables
     * @param progress takes a line about each figure as soon as it is there
     */
    public Suite(
            SuiteSettings settings,
            Site site,
            String version,
            Map<String, String> environment,
            Consumer<String> progress) {
        this(
                settings,
                site,
                version,
                progress,
                List.of(
                        new DecodePart(),
                        new PrefillPart(),
                        new OfflinePart(),
                        new NewLayoutsPart(),
                        new MixedPart(),
                        new ScoringPart(),
                        new SweepPart()),
                List.of(new PeerPart(new PeerProcess(environment)), new TrainingPart()));
    }

    /**
     * @param serving parts that serve the model
     * @param others parts that need the device's memory for themselves, after all serving; training last, since libtorch keeps what it had
     */
    Suite(
            SuiteSettings settings,
            Site site,
            String version,
            Consumer<String> progress,
            List<Part> serving,
            List<Part> others) {
        this.settings = settings;
        this.site = site;
        this.progress = progress;
        this.serving = serving;
        this.others = others;
        this.facts = new LinkedHashMap<>(Map.of("slayer", version));
        facts.putAll(site.facts());
        facts.put("longest time of a part", settings.partTime().toSeconds() + " s");
    }

    /** Measures. @throws SlayerException if a folder cannot be written */
    public SuiteReport run() {
        try {
            settings.out().ifPresent(Suite::makeFolder);
            if (settings.work().isPresent()) {
                makeFolder(settings.work().get());
                return run(settings.work().get());
            }
            Path work = Files.createTempDirectory("slayer-suite");
            try {
                return run(work);
            } finally {
                RandomCheckpoint.delete(work);
            }
        } catch (IOException e) {
            throw SlayerException.internal("the suite's folder cannot be made or deleted: " + e, e);
        }
    }

    private static void makeFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new SlayerException(
                    400, "invalid_value", folder.toString(), folder + " cannot be made a folder: " + e, e);
        }
    }

    private SuiteReport run(Path work) {
        LimitsPart limits = new LimitsPart();
        Scale scale = settings.shapes().getFirst().scale();
        var _ = add(LimitsPart.NAME, "", () -> limits.measure(site, scale, settings.partTime()));
        if (wanted(NumericsPart.NAME)) {
            var _ = add(NumericsPart.NAME, "", () -> new NumericsPart().measure(site, work, settings.partTime()));
        }
        for (Shape shape : settings.shapes()) {
            measure(serving, shape, work, limits.limits());
        }
        for (Part part : others) {
            for (Shape shape : settings.shapes()) {
                measure(List.of(part), shape, work, limits.limits());
            }
        }
        return report();
    }

    private void measure(List<Part> parts, Shape shape, Path work, Limits limits) {
        List<Part> chosen = parts.stream().filter(part -> wanted(part.name())).toList();
        if (chosen.isEmpty() || !checkpoint(shape, work)) {
            return;
        }
        Stage stage = new Stage(site, shape, work, limits);
        for (Part part : chosen) {
            if (!add(part.name(), shape.name(), () -> part.measure(stage, settings.partTime()))) {
                release(stage); // the next part begins with an engine that is sound
            }
        }
        release(stage);
    }

    private void release(Stage stage) {
        var _ = add("release", stage.shape().name(), () -> {
            stage.close();
            return List.of();
        });
    }

    /** Makes a checkpoint and says how long it took; false if there is none. */
    private boolean checkpoint(Shape shape, Path work) {
        return add("checkpoint", shape.name(), () -> {
            RandomCheckpoint.Made made = RandomCheckpoint.make(shape, work);
            if (made.bytes() > 0) {
                progress.accept(String.format(
                        Locale.ROOT,
                        "%s: %.2f GB written in %.1f s",
                        made.folder(),
                        made.bytes() / 1e9,
                        made.seconds()));
            }
            return List.of();
        });
    }

    private boolean wanted(String part) {
        return settings.only().isEmpty() || settings.only().contains(part);
    }

    /** Adds what was measured, or a row that says why nothing was; then it is false. */
    private boolean add(String part, String shape, Supplier<List<Figure>> measure) {
        boolean done = true;
        List<Figure> found;
        try {
            found = measure.get();
        } catch (RuntimeException | LinkageError | OutOfMemoryError e) {
            done = false;
            found = List.of(Figure.failed(part, shape, reason(e)));
        }
        for (Figure figure : found) {
            figures.add(figure);
            progress.accept(new SuiteReport(site.name(), facts, List.of(figure)).line());
        }
        settings.out().ifPresent(this::write);
        return done;
    }

    private static String reason(Throwable e) {
        return e instanceof SlayerException known ? known.getMessage() : e.toString();
    }

    private SuiteReport report() {
        return new SuiteReport(site.name(), facts, figures);
    }

    private void write(Path folder) {
        try {
            Files.writeString(folder.resolve(RESULTS + ".json"), report().json());
            Files.writeString(folder.resolve(RESULTS + ".md"), report().markdown());
        } catch (IOException e) {
            throw new SlayerException(
                    400, "invalid_value", "--out", "--out: " + folder + " cannot be written: " + e, e);
        }
    }
}
