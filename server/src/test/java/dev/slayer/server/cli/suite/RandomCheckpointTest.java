package dev.slayer.server.cli.suite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.surgery.checkpoint.Checkpoint;
import dev.slayer.surgery.checkpoint.LayerTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomCheckpointTest {
    @TempDir
    Path work;

    @Test
    void itHasTheShapeAndNormalNumbers() {
        RandomCheckpoint.Made made = RandomCheckpoint.make(Shape.TINY, work);
        assertThat(made.bytes()).isEqualTo(Shape.TINY.config().parameters().total() * Short.BYTES);
        try (Checkpoint checkpoint = Checkpoint.open(made.folder())) {
            assertThat(checkpoint.config()).isEqualTo(Shape.TINY.config());
            assertThat(checkpoint.extras()).isEmpty();
            float[] gate = new float[160 * 64];
            checkpoint.tensor(LayerTensor.GATE.name(3)).toFloat32(0, MemorySegment.ofArray(gate));
            double sum = 0;
            double squares = 0;
            for (float value : gate) {
                sum += value;
                squares += (double) value * value;
            }
            assertThat(Math.abs(sum / gate.length)).isLessThan(0.01);
            assertThat(Math.sqrt(squares / gate.length)).isBetween(0.11, 0.14);
        }
    }

    @Test
    void oneThatIsThereIsUsedAgainAndHalfOfOneIsNot() throws Exception {
        Path half = Files.createDirectories(work.resolve("tiny.part"));
        Files.writeString(half.resolve("config.json"), "{");
        Path folder = RandomCheckpoint.make(Shape.TINY, work).folder();
        FileTime made = Files.getLastModifiedTime(folder.resolve("layer-0.safetensors"));
        RandomCheckpoint.Made again = RandomCheckpoint.make(Shape.TINY, work);
        assertThat(again.bytes()).isZero();
        assertThat(Files.getLastModifiedTime(again.folder().resolve("layer-0.safetensors")))
                .isEqualTo(made);
    }

    @Test
    void oneOfFewerLayersSharesTheFiles() throws Exception {
        Path whole = RandomCheckpoint.make(Shape.TINY, work).folder();
        Path fewer = RandomCheckpoint.shortened(Shape.TINY, Shape.TINY.withLayers(3), work);
        try (Checkpoint checkpoint = Checkpoint.open(fewer)) {
            assertThat(checkpoint.config().layers()).isEqualTo(3);
        }
        assertThat(Files.isSameFile(fewer.resolve("layer-2.safetensors"), whole.resolve("layer-2.safetensors")))
                .isTrue();
    }
}
