package dev.slayer.server.cli;

import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.recipe.LayerSource;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The checkpoints of one command: the base, and others by name. Open until this is closed. */
final class Sources implements LayerSource, AutoCloseable {
    private final Map<String, Checkpoint> open = new HashMap<>();

    /** @throws SlayerException 400 if one cannot be opened or a name is given twice */
    Sources(Path base, List<ModelSource> others) {
        boolean complete = false;
        try {
            open.put("", Checkpoint.open(base));
            for (ModelSource other : others) {
                if (open.containsKey(other.name())) {
                    throw SlayerException.badRequest("--model", "two checkpoints are named '" + other.name() + "'");
                }
                open.put(other.name(), Checkpoint.open(other.directory()));
            }
            complete = true;
        } finally {
            if (!complete) {
                close();
            }
        }
    }

    /** The checkpoint of a name, if there is one. */
    Optional<Checkpoint> find(String name) {
        return Optional.ofNullable(open.get(name));
    }

    @Override
    public Checkpoint checkpoint(String name) {
        return find(name)
                .orElseThrow(() -> SlayerException.badRequest(
                        "layers", "there is no checkpoint '" + name + "'; name it by --model " + name + "=DIR"));
    }

    @Override
    public void close() {
        open.values().forEach(Checkpoint::close);
    }
}
