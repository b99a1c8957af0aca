package dev.slayer.surgery.export;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import dev.slayer.surgery.recipe.LayerSource;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** random-llama2 as the base and random-llama2-b under the name b, open until this is closed. */
final class Shared implements LayerSource, AutoCloseable {
    private final Map<String, Checkpoint> open =
            Map.of("", Checkpoint.open(directory("random-llama2")), "b", Checkpoint.open(directory("random-llama2-b")));

    static Path directory(String name) {
        return Path.of(System.getProperty("slayer.root"), "test-data", name);
    }

    Checkpoint base() {
        return open.get("");
    }

    ModelConfig config() {
        return base().config();
    }

    Layout layout(String text) {
        return Layout.parse(
                text, config(), name -> Optional.ofNullable(open.get(name)).map(Checkpoint::config));
    }

    @Override
    public Checkpoint checkpoint(String name) {
        return open.get(name);
    }

    @Override
    public void close() {
        open.values().forEach(Checkpoint::close);
    }
}
