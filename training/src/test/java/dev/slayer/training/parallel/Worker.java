package dev.slayer.training.parallel;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.layout.Namespace;
import dev.slayer.training.data.ByteCodec;
import dev.slayer.training.golden.GoldenLayouts;
import dev.slayer.training.run.Peers;
import dev.slayer.training.run.RunControl;
import dev.slayer.training.run.RunInputs;
import dev.slayer.training.run.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The second process of {@link GlooPeersTest}: rank, size, port, folder of the recipe, folder of the run. */
public final class Worker {
    private Worker() {}

    /** Joins, trains, ends. */
    public static void main(String[] args) throws IOException {
        int rank = Integer.parseInt(args[0]);
        try (Peers peers = GlooPeers.find(Integer.parseInt(args[1]), Integer.parseInt(args[2]))
                .join(rank)) {
            train(Path.of(args[3]), args[4], peers);
        }
    }

    static TrainingRun.Outcome train(Path folder, String name, Peers peers) throws IOException {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            RunInputs inputs = new RunInputs(
                    base, "random-llama2", Namespace.BASE_ONLY, _ -> base, new ByteCodec(false), folder, "test");
            String recipe = Files.readString(folder.resolve("recipe.yaml"));
            return new TrainingRun(recipe, inputs, folder.resolve(name), peers, event -> {}).run(new RunControl());
        }
    }
}
