package dev.slayer.training.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.training.parallel.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What ends a run from outside: a process that trains is killed, its disk is full. */
@Timeout(180)
class MishapsTest {
    private static final int STEPS = 40;

    @TempDir
    Path folder;

    @BeforeEach
    void write() throws IOException {
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 60; i++) {
            rows.append("{\"text\":\"the fox number %d runs over %d hills. \"}\n".formatted(i, i * 7));
        }
        Files.writeString(folder.resolve("foxes.jsonl"), rows);
        Files.writeString(folder.resolve("recipe.yaml"), """
                method: {name: full}
                data: {sources: [foxes.jsonl], length: 64, epochs: 1000}
                optimizer: {batch: 8, learning_rate: 0.003}
                run: {steps: %d, checkpoint_every: 3, threads: 1}
                """.formatted(STEPS));
    }

    @Test
    void aRunThatIsKilledLosesNothingButTheStepsSinceItsLastCheckpoint() throws Exception {
        Worker.train(folder, "whole", Peers.ALONE);
        Process process = new ProcessBuilder(Worker.command(0, 1, 0, folder, "killed"))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        int seen = 0;
        while (seen < 5 && process.isAlive()) {
            seen = checkpoint("killed");
            Thread.onSpinWait();
        }
        process.destroyForcibly().waitFor();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("log")))
                .isNotZero();
        int last = checkpoint("killed");
        assertThat(last).isBetween(5, STEPS - 1);
        assertThat(Worker.train(folder, "killed", Peers.ALONE).finished()).isTrue();
        assertThat(losses("killed")).hasSize(STEPS).isEqualTo(losses("whole"));
        assertThat(Files.mismatch(
                        folder.resolve("killed/delta/delta.safetensors"),
                        folder.resolve("whole/delta/delta.safetensors")))
                .isEqualTo(-1);
    }

    @Test
    void aFullDiskEndsTheRunAndLeavesTheCheckpointThatWasThere() throws Exception {
        Worker.train(folder, "whole", Peers.ALONE);
        long vectors = Files.size(folder.resolve("whole/checkpoints/step-%08d/state.safetensors".formatted(STEPS)));
        Path small = Files.createDirectory(folder.resolve("small"));
        // Room for two checkpoints and a half: the third cannot be written beside them.
        String script = "mount -t tmpfs -o size=%d none '%s' && \"$@\"; code=$?; cp -r '%s/run' '%s'; exit $code"
                .formatted(vectors * 5 / 2 + (2 << 20), small, small, folder.resolve("kept"));
        List<String> command =
                new ArrayList<>(List.of("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"));
        assumeTrue(canMount(), () -> say("a file system of its own cannot be mounted here (unshare --mount)"));
        command.addAll(Worker.command(0, 1, 0, folder, "small/run"));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        assertThat(process.waitFor(120, TimeUnit.SECONDS)).isTrue();
        String log = Files.readString(folder.resolve("log"));
        assertThat(process.exitValue()).as(log).isNotZero();
        assertThat(log).contains("a checkpoint in").contains("are free there; make room");
        Files.move(folder.resolve("kept"), folder.resolve("resumed"), StandardCopyOption.ATOMIC_MOVE);
        assertThat(checkpoint("resumed")).isPositive();
        assertThat(Worker.train(folder, "resumed", Peers.ALONE).finished()).isTrue();
        assertThat(losses("resumed")).isEqualTo(losses("whole"));
    }

    private static boolean canMount() throws Exception {
        try {
            return new ProcessBuilder("unshare", "--map-root-user", "--mount", "true")
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException notThere) {
            return false;
        }
    }

    private static String say(String reason) {
        System.out.println("skipped: " + reason);
        return reason;
    }

    /** Step of the newest checkpoint; 0 if there is none. */
    private int checkpoint(String run) throws IOException {
        Path checkpoints = folder.resolve(run).resolve("checkpoints");
        if (!Files.isDirectory(checkpoints)) {
            return 0;
        }
        try (Stream<Path> all = Files.list(checkpoints)) {
            return all.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith("step-"))
                    .mapToInt(name -> Integer.parseInt(name.substring("step-".length())))
                    .max()
                    .orElse(0);
        }
    }

    private List<Double> losses(String run) throws IOException {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(run).resolve("metrics.jsonl"))) {
            JsonNode json = new ObjectMapper().readTree(line);
            losses.add(json.get("loss").asDouble());
        }
        return losses;
    }
}
