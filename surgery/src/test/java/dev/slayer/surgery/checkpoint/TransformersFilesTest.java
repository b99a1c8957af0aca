package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints as transformers writes them, and one as large as those that people have. */
class TransformersFilesTest {
    private static final Path TEST_DATA = Path.of(System.getProperty("slayer.root"), "test-data");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"random-llama2", "random-llama3", "random-mistral"})
    void whatSavePretrainedWroteIsOpenedWhole(String name) {
        try (Checkpoint checkpoint = Checkpoint.open(TEST_DATA.resolve(name))) {
            assertThat(checkpoint.extras()).isEmpty();
            assertThat(checkpoint.names())
                    .containsExactlyInAnyOrderElementsOf(
                            TensorNames.needed(checkpoint.config()).keySet());
            assertThat(checkpoint.tensor(TensorNames.FINAL_NORM).dtype()).isEqualTo(DType.BF16);
            assertThat(checkpoint.bytes())
                    .isEqualTo(2 * checkpoint.config().parameters().total());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"random-llama2", "random-llama3", "random-mistral"})
    void bothFormsOfTheConfigMeanTheSameModel(String name) throws IOException {
        Path source = TEST_DATA.resolve(name);
        Files.copy(source.resolve("config.transformers4.json"), directory.resolve("config.json"));
        Files.copy(source.resolve("generation_config.json"), directory.resolve("generation_config.json"));
        assertThat(ModelConfig.read(directory)).isEqualTo(ModelConfig.read(source));
    }

    /** The large tensor comes first, so all others lie where an int does not reach. The file is sparse: it costs no disk. */
    @Test
    void tensorsBeyondTwoGibibytesAreRead() throws IOException {
        TinyCheckpoint tiny = TinyCheckpoint.single();
        tiny.write(directory);
        long large = 3L << 30;
        tiny.model()
                .header
                .propertyStream()
                .filter(entry -> entry.getValue().has("dtype"))
                .forEach(entry -> {
                    long begin = entry.getValue().get("data_offsets").get(0).longValue();
                    long end = entry.getValue().get("data_offsets").get(1).longValue();
                    tiny.model()
                            .entry(entry.getKey())
                            .putArray("data_offsets")
                            .add(large + begin)
                            .add(large + end);
                });
        tiny.model()
                .header
                .putObject("large")
                .put("dtype", "U8")
                .putArray("shape")
                .add(large);
        tiny.model().entry("large").putArray("data_offsets").add(0).add(large);
        byte[] header = tiny.model().headerBytes();
        try (RandomAccessFile file =
                new RandomAccessFile(directory.resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(0);
            file.write(SafetensorsWriter.bytes(header.length, header, new byte[0]));
            file.seek(8 + header.length + large);
            file.write(tiny.model().data());
        }
        Path small = TinyCheckpoint.single().write(directory.resolve("small"));
        try (Checkpoint far = Checkpoint.open(directory);
                Checkpoint near = Checkpoint.open(small)) {
            assertThat(far.extras()).isEqualTo(List.of("large"));
            for (String name : near.names()) {
                MemorySegment data = far.tensor(name).data();
                assertThat(data.mismatch(near.tensor(name).data())).as(name).isEqualTo(-1);
            }
        }
    }
}
