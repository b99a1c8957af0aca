package dev.slayer.surgery.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RopeTableTest {
    private static final Path GOLDEN = Path.of(System.getProperty("slayer.root"), "test-data/golden/rope.json");

    @TempDir
    Path directory;

    /** A case of the golden file: named for the test's display. */
    record Golden(String name, JsonNode json) {
        @Override
        public String toString() {
            return name;
        }

        int sequenceLength() {
            return json.get("sequence_length").intValue();
        }
    }

    static List<Golden> golden() throws IOException {
        JsonNode cases = SafetensorsWriter.JSON.readTree(GOLDEN.toFile());
        return StreamSupport.stream(cases.spliterator(), false)
                .map(one -> new Golden(one.get("name").textValue(), one))
                .toList();
    }

    private ModelConfig config(Golden golden) throws IOException {
        Files.writeString(
                directory.resolve("config.json"), golden.json().get("config").toString());
        return ModelConfig.read(directory);
    }

    @ParameterizedTest
    @MethodSource("golden")
    void frequenciesAreThoseOfTransformers(Golden golden) throws IOException {
        ModelConfig config = config(golden);
        float[] frequencies = RopeFrequencies.of(config, golden.sequenceLength());
        JsonNode expected = golden.json().get("inv_freq");
        assertThat(frequencies).hasSize(expected.size());
        for (int i = 0; i < frequencies.length; i++) {
            double value = expected.get(i).doubleValue();
            assertThat((double) frequencies[i]).as("pair %d", i).isCloseTo(value, within(1e-6 * value));
        }
        assertThat((double) RopeFrequencies.attentionScaling(config.rope()))
                .isCloseTo(golden.json().get("attention_scaling").doubleValue(), within(1e-6));
    }

    /** An angle is a position times a frequency, so what a frequency lacks (one unit in its last place) grows with the position. */
    @ParameterizedTest
    @MethodSource("golden")
    void cosinesAndSinesAreThoseOfTransformers(Golden golden) throws IOException {
        ModelConfig config = config(golden);
        RopeTable table = RopeTable.of(config, 1024, golden.sequenceLength());
        JsonNode rows = golden.json().get("rows");
        for (int at = 0; at < rows.size(); at++) {
            int row = rows.get(at).intValue();
            for (int pair = 0; pair < table.pairs(); pair++) {
                double frequency = golden.json().get("inv_freq").get(pair).doubleValue();
                double tolerance = 1e-6 + row * frequency * 1.5e-7;
                double cos = golden.json().get("cos").get(at).get(pair).doubleValue();
                double sin = golden.json().get("sin").get(at).get(pair).doubleValue();
                int index = row * table.pairs() + pair;
                assertThat((double) table.cos()[index])
                        .as("cos %d, %d", row, pair)
                        .isCloseTo(cos, within(tolerance));
                assertThat((double) table.sin()[index])
                        .as("sin %d, %d", row, pair)
                        .isCloseTo(sin, within(tolerance));
            }
        }
    }

    @Test
    void goldenCasesCoverEveryRopeType() throws IOException {
        assertThat(golden().stream().map(one -> one.name().split(",", -1)[0]))
                .contains("default", "linear", "dynamic", "llama3", "yarn");
    }

    @Test
    void onlyDynamicDependsOnTheSequencesLength() throws IOException {
        for (Golden golden : golden()) {
            ModelConfig config = config(golden);
            boolean same = Arrays.equals(
                    RopeTable.of(config, 3, 5000).sin(), RopeTable.of(config, 3).sin());
            assertThat(same).as(golden.name()).isEqualTo(!golden.name().startsWith("dynamic"));
        }
    }

    @Test
    void aTableThatFitsNoArrayIsRefused() throws IOException {
        ModelConfig config = config(golden().getFirst());
        assertThatThrownBy(() -> RopeTable.of(config, Integer.MAX_VALUE))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rows=" + Integer.MAX_VALUE);
    }
}
