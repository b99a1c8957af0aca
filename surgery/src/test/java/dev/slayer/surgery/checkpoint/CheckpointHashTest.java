package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointHashTest {
    @TempDir
    Path root;

    private static String hash(Path directory) {
        try (Checkpoint checkpoint = Checkpoint.open(directory)) {
            return CheckpointHash.of(checkpoint);
        }
    }

    @Test
    void aCopyHasTheSameHashHoweverItIsSpreadOverFiles() throws IOException {
        String one = hash(TinyCheckpoint.single().write(root.resolve("one")));
        assertThat(one).matches("sha256:[0-9a-f]{64}");
        assertThat(hash(TinyCheckpoint.single().write(root.resolve("copy")))).isEqualTo(one);
        assertThat(hash(TinyCheckpoint.sharded(3).write(root.resolve("shards"))))
                .isEqualTo(one);
    }

    @Test
    void otherNumbersInOneTensorAndOtherSettingsGiveAnotherHash() throws IOException {
        Path directory = TinyCheckpoint.single().write(root.resolve("one"));
        Path file = directory.resolve("model.safetensors");
        Set<String> hashes = new HashSet<>();
        hashes.add(hash(directory));
        long end = Files.size(file);
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
            byte[] last = new byte[300]; // of the last tensor
            open.seek(end - last.length);
            open.readFully(last);
            for (int i = 0; i < last.length; i++) {
                last[i] ^= 1;
            }
            open.seek(end - last.length);
            open.write(last);
        }
        hashes.add(hash(directory));
        Files.writeString(
                directory.resolve("config.json"),
                Files.readString(directory.resolve("config.json")).replace("10000.0", "20000.0"));
        hashes.add(hash(directory));
        assertThat(hashes).hasSize(3);
    }

    @Test
    void modelsOfOneShapeDiffer() {
        Path data = Path.of(System.getProperty("slayer.root"), "test-data");
        assertThat(hash(data.resolve("random-llama2"))).isNotEqualTo(hash(data.resolve("random-llama2-b")));
    }
}
