package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.delta.Delta;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.recipe.LayerSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The checkpoints of one command: the base, others and deltas by name. Open until this is closed. */
final class Sources implements LayerSource, AutoCloseable {
    private final Map<String, Checkpoint> open = new HashMap<>();
    private final List<Delta> deltas = new ArrayList<>();
    private Layout start;

    /**
     * Opens them.
     *
     * @param trained deltas of the base; one may name those before it
     * @throws SlayerException 400 if one cannot be opened or a name is given twice, 409 if a delta is of another base
     */
    Sources(Path base, List<ModelSource> others, List<ModelSource> trained) {
        boolean complete = false;
        try {
            open.put("", Checkpoint.open(base));
            for (ModelSource other : others) {
                requireNew("--model", other);
                open.put(other.name(), Checkpoint.open(other.directory()));
            }
            start = Layout.identity(open.get("").config().layers());
            for (ModelSource delta : trained) {
                requireNew("--delta", delta);
                add(delta);
            }
            if (deltas.size() == 1) {
                start = deltas.getFirst().served(trained.getFirst().name());
            }
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    private void requireNew(String option, ModelSource source) {
        if (open.containsKey(source.name())) {
            throw SlayerException.badRequest(option, "two checkpoints are named '" + source.name() + "'");
        }
    }

    private void add(ModelSource source) {
        Checkpoint base = open.get("");
        Delta delta =
                Delta.open(source.directory(), base.config(), name -> find(name).map(Checkpoint::config));
        deltas.add(delta);
        delta.requireBase(base);
        open.put(source.name(), delta.over(this));
    }

    /** What a layout's edits start from: what the one delta trained, else the base as it is. */
    Layout start() {
        return start;
    }

    /** The checkpoint of a name, if there is one. */
    Optional<Checkpoint> find(String name) {
        return Optional.ofNullable(open.get(name));
    }

    @Override
    public Checkpoint checkpoint(String name) {
        return find(name)
                .orElseThrow(() -> SlayerException.badRequest(
                        "layers",
                        "there is no checkpoint '" + name + "'; name it by --model " + name + "=DIR or --delta " + name
                                + "=FOLDER"));
    }

    @Override
    public void close() {
        open.values().forEach(Checkpoint::close);
        deltas.forEach(Delta::close);
    }
}
