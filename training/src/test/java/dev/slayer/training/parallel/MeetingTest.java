package dev.slayer.training.parallel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.surgery.SlayerException;
import dev.slayer.training.run.Peers;
import dev.slayer.training.torch.LibTorch;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two real processes. */
@Timeout(180)
class MeetingTest {
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
                data: {sources: [foxes.jsonl], length: 32, epochs: 100, validation: [foxes.jsonl]}
                optimizer: {batch: 5, micro_batch: 2, learning_rate: 0.003}
                run: {steps: 6, checkpoint_every: 0, threads: 1}
                """);
    }

    @Test
    void twoProcessesMakeTheStepsOfOne() throws Exception {
        assertThat(Worker.train(folder, "alone", Peers.ALONE).finished()).isTrue();
        Meeting meeting = Meeting.host(2);
        Process other = start(meeting.port(), "together");
        try (Peers peers = meeting.join(0, "cpu")) {
            assertThat(Worker.train(folder, "together", peers).finished()).isTrue();
        }
        assertThat(other.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(other.exitValue()).as(log()).isZero();
        List<Double> alone = losses("alone");
        List<Double> together = losses("together");
        assertThat(together).hasSameSizeAs(alone).hasSize(8);
        for (int i = 0; i < alone.size(); i++) {
            assertThat(together.get(i)).isCloseTo(alone.get(i), within(1e-5));
        }
    }

    @Test
    void aProcessThatIsGoneEndsTheStepOfTheOthers() throws Exception {
        Meeting meeting = Meeting.host(2);
        Process other = start(meeting.port(), "together");
        try (Peers peers = meeting.join(0, "cpu")) {
            other.destroyForcibly().waitFor();
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 3; i++) {
                            peers.sum(1.0);
                        }
                    })
                    .isInstanceOfSatisfying(
                            SlayerException.class,
                            refused -> assertThat(refused.code()).isEqualTo("peer_lost"));
        }
    }

    @Test
    void whereThereIsNoCudaNobodyMeetsByIt() {
        assumeThat(cudaAvailable()).as("there is a CUDA device").isFalse();
        try (Meeting meeting = Meeting.host(2)) {
            assertThatThrownBy(() -> meeting.join(0, "cuda")).hasMessageContaining("device=cuda");
        }
    }

    private static boolean cudaAvailable() {
        LibTorch.start(1);
        return org.bytedeco.pytorch.global.torch.cuda_is_available();
    }

    private Process start(int port, String run) throws IOException {
        List<String> command = Worker.command(1, 2, port, folder, run);
        File log = folder.resolve("log").toFile();
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start();
    }

    private String log() throws IOException {
        return Files.readString(folder.resolve("log"));
    }

    private List<Double> losses(String run) throws IOException {
        List<Double> losses = new ArrayList<>();
        for (String line : Files.readAllLines(folder.resolve(run).resolve("metrics.jsonl"))) {
            JsonNode json = new ObjectMapper().readTree(line);
            losses.add(
                    json.has("loss")
                            ? json.get("loss").asDouble()
                            : json.at("/validation/foxes.jsonl").asDouble());
        }
        return losses;
    }
}
