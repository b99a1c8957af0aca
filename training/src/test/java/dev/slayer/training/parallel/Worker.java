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
import java.util.List;

/** Another process that trains: rank, size, port, folder of the recipe, folder of the run. Of size 1 it is alone. */
public final class Worker {
    private Worker() {}

    /** Joins, trains, ends. */
    public static void main(String[] args) throws IOException {
        int rank = Integer.parseInt(args[0]);
        int size = Integer.parseInt(args[1]);
        try (Peers peers = size == 1
                ? Peers.ALONE
                : Meeting.find(size, Integer.parseInt(args[2])).join(rank, "cpu")) {
            train(Path.of(args[3]), args[4], peers);
        }
    }

    /** The command line of such a process. */
    public static List<String> command(int rank, int size, int port, Path folder, String run) {
        return List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Dslayer.root=" + System.getProperty("slayer.root"),
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                Worker.class.getName(),
                Integer.toString(rank),
                Integer.toString(size),
                Integer.toString(port),
                folder.toString(),
                run);
    }

    /** Trains in this process. */
    public static TrainingRun.Outcome train(Path folder, String name, Peers peers) throws IOException {
        try (Checkpoint base = GoldenLayouts.open("random-llama2")) {
            RunInputs inputs = new RunInputs(
                    base, "random-llama2", Namespace.BASE_ONLY, _ -> base, new ByteCodec(false), folder, "test");
            String recipe = Files.readString(folder.resolve("recipe.yaml"));
            return new TrainingRun(recipe, inputs, folder.resolve(name), peers, event -> {}).run(new RunControl());
        }
    }
}
