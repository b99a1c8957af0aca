package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StreamingMemoryTest {
    private static final int ROWS = 100_000;
    private static final int ROW = 2_000;

    @TempDir
    Path folder;

    /** 200 MB of rows, shuffled and packed in a process whose heap is a quarter of that. */
    @ParameterizedTest
    @EnumSource
    void aProcessReadsManyTimesWhatItsHeapHolds(DataOptions.Packing.Mode mode) throws Exception {
        Path file = folder.resolve("large.jsonl.zst");
        try (OutputStream out = TestFiles.packed(file)) {
            String filler = "x".repeat(ROW - 20);
            for (int i = 0; i < ROWS; i++) {
                out.write("{\"text\":\"%08d %s\"}\n".formatted(i, filler).getBytes(StandardCharsets.UTF_8));
            }
        }
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx50m",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Drain.class.getName(),
                        file.toString(),
                        mode.name())
                .redirectErrorStream(true)
                .start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(printed).isZero();
        assertThat(printed.strip()).endsWith(ROWS + " documents");
    }

    /** Runs in the other process. */
    static final class Drain {
        public static void main(String[] args) {
            DataOptions options = DataOptions.of(List.of(DataSource.parse(args[0])), 4096, 4)
                    .withPacking(new DataOptions.Packing(4096, 4, DataOptions.Packing.Mode.valueOf(args[1]), true));
            try (BatchStream stream = TestFiles.open(options).train()) {
                while (stream.next().isPresent()) {
                    // Only the last batch is held.
                }
                System.out.println(stream.report().sources().getFirst().documents() + " documents");
            }
        }
    }

    @Test
    void aBlockOfLargeRowsEndsBeforeItsNumberOfRowsIsReached() throws IOException {
        Path file = folder.resolve("large.jsonl");
        String row = "{\"text\":\"" + "x".repeat(8 << 20) + "\"}\n";
        try (OutputStream out = TestFiles.packed(file)) {
            for (int i = 0; i < 10; i++) {
                out.write(row.getBytes(StandardCharsets.UTF_8));
            }
        }
        DataOptions options = TestFiles.options(file);
        Source source = FormatProbe.source(options.sources().getFirst(), options.limits());
        try (SourceReader reader = new SourceReader(0, source, options, SourceReader.Side.ALL, SourceState.START)) {
            List<Long> places = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                assertThat(reader.next()).isNotNull();
                places.add(reader.state().place().rows());
            }
            assertThat(places)
                    .as("blocks of four rows; behind the last one is the next pass")
                    .containsExactly(0L, 0L, 0L, 4L, 4L, 4L, 4L, 8L, 8L, 0L);
        }
    }
}
