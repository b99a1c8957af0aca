package dev.slayer.training.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.luben.zstd.ZstdOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/** Files that tests write and read. */
final class TestFiles {
    private TestFiles() {}

    static Path resource(String name) {
        return Path.of(System.getProperty("slayer.root", ".."))
                .resolve("training/src/test/resources/dev/slayer/training/data")
                .resolve(name);
    }

    /** Writes bytes, packed as the name says. */
    static Path write(Path file, byte[] content) throws IOException {
        try (OutputStream out = packed(file)) {
            out.write(content);
        }
        return file;
    }

    static OutputStream packed(Path file) throws IOException {
        OutputStream out = Files.newOutputStream(file);
        String name = file.toString();
        return name.endsWith(".gz")
                ? new GZIPOutputStream(out)
                : name.endsWith(".zst") ? new ZstdOutputStream(out) : out;
    }

    static Path write(Path file, String content) throws IOException {
        return write(file, content.getBytes(StandardCharsets.UTF_8));
    }

    /** Rows with a single field. */
    static Path texts(Path file, List<String> texts) throws IOException {
        ObjectMapper json = new ObjectMapper();
        List<String> lines = new ArrayList<>();
        for (String text : texts) {
            lines.add(json.writeValueAsString(Map.of("text", text)) + "\n");
        }
        return write(file, lines.stream().collect(Collectors.joining()));
    }

    static List<Row> rows(Path file, DataOptions.Limits limits) throws IOException {
        return rows(file, RowFormat.TEXT, limits, Place.START);
    }

    static List<Row> rows(Path file, RowFormat format, DataOptions.Limits limits, Place from) throws IOException {
        List<Row> rows = new ArrayList<>();
        try (RowReader reader = RowReader.open(DataFile.of(file), format, limits, from)) {
            for (Row row = reader.next(); row != null; row = reader.next()) {
                rows.add(row);
            }
        }
        return rows;
    }

    static DataOptions options(Path... files) {
        List<DataSource> sources = new ArrayList<>();
        for (Path file : files) {
            sources.add(
                    DataSource.parse(file.toString()).named(file.getFileName().toString()));
        }
        return DataOptions.of(sources, 16, 2);
    }

    static TrainingData open(DataOptions options) {
        return TrainingData.open(options, new ByteCodec(true));
    }

    static Iterator<Batch> batches(BatchStream stream) {
        return java.util.stream.Stream.generate(stream::next)
                .takeWhile(Optional::isPresent)
                .map(Optional::get)
                .iterator();
    }

    static List<Batch> all(BatchStream stream) {
        try (stream) {
            List<Batch> batches = new ArrayList<>();
            batches(stream).forEachRemaining(batches::add);
            return batches;
        }
    }

    /** All tokens without padding, as text. */
    static String text(List<Batch> batches) {
        StringBuilder text = new StringBuilder();
        for (Batch batch : batches) {
            for (int row = 0; row < batch.rows(); row++) {
                int from = row * batch.length();
                text.append(
                        ByteCodec.text(java.util.Arrays.copyOfRange(batch.tokens(), from, from + batch.used()[row])));
            }
        }
        return text.toString();
    }
}
