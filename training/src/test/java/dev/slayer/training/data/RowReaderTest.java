package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RowReaderTest {
    private static final DataOptions.Limits LIMITS = DataOptions.Limits.defaults();

    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {".jsonl.gz", ".jsonl.zst"})
    void packedLinesGiveTheRowsOfPlainOnes(String suffix) throws IOException {
        Path plain = TestFiles.resource("text.jsonl");
        Path packed = TestFiles.write(folder.resolve("text" + suffix), Files.readAllBytes(plain));
        assertThat(TestFiles.rows(packed, LIMITS)).hasSize(100).isEqualTo(TestFiles.rows(plain, LIMITS));
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "snappy", "gzip", "zstd", "delta"})
    void parquetGivesTheTextsOfLines(String way) throws IOException {
        List<JsonNode> lines = texts(TestFiles.rows(TestFiles.resource("text.jsonl"), LIMITS));
        List<Row> rows = TestFiles.rows(TestFiles.resource("text." + way + ".parquet"), LIMITS);
        assertThat(texts(rows)).isEqualTo(lines);
        assertThat(rows).extracting(Row::number).startsWith(1L, 2L).endsWith(100L);
        assertThat(rows.getFirst().value().has("other"))
                .as("columns that no format knows")
                .isFalse();
    }

    private static List<JsonNode> texts(List<Row> rows) {
        return rows.stream().map(row -> row.value().get("text")).toList();
    }

    @Test
    void listsOfStructsInParquetGiveTheConversationsOfLines() throws Exception {
        List<Row> lines = TestFiles.rows(TestFiles.resource("chat.jsonl"), LIMITS);
        List<Row> rows = TestFiles.rows(TestFiles.resource("chat.parquet"), LIMITS);
        assertThat(rows).hasSameSizeAs(lines);
        for (int i = 0; i < rows.size(); i++) {
            assertThat(FieldMapping.document(
                            RowFormat.CONVERSATIONS, rows.get(i).value()))
                    .isEqualTo(FieldMapping.document(
                            RowFormat.CONVERSATIONS, lines.get(i).value()));
        }
    }

    @Test
    void aReaderThatIsOpenedAtAPlaceGivesTheRowsBehindIt() throws IOException {
        byte[] lines = Files.readAllBytes(TestFiles.resource("text.jsonl"));
        byte[] paragraphs = "one\ntwo\n\n\nthree\n \t\nfour".getBytes(StandardCharsets.UTF_8);
        for (Path file : List.of(
                TestFiles.write(folder.resolve("a.jsonl"), lines),
                TestFiles.write(folder.resolve("a.jsonl.gz"), lines),
                TestFiles.write(folder.resolve("a.jsonl.zst"), lines),
                TestFiles.write(folder.resolve("a.txt"), paragraphs),
                TestFiles.write(folder.resolve("a.txt.gz"), paragraphs),
                TestFiles.resource("text.snappy.parquet"),
                TestFiles.resource("text.zstd.parquet"))) {
            RowFormat format = file.toString().contains(".txt") ? RowFormat.PARAGRAPHS : RowFormat.TEXT;
            List<Row> all = TestFiles.rows(file, format, LIMITS, Place.START);
            try (RowReader reader = RowReader.open(DataFile.of(file), format, LIMITS, Place.START)) {
                for (int i = 0; i <= all.size(); i++) {
                    assertThat(TestFiles.rows(file, format, LIMITS, reader.place()))
                            .as("%s from row %d", file, i)
                            .isEqualTo(all.subList(i, all.size()));
                    reader.next();
                }
            }
        }
    }

    @Test
    void badLinesAreRowsWithALineAndAReason() throws IOException {
        byte[] malformed = "{\"text\":\"x\"}\n".getBytes(StandardCharsets.UTF_8);
        malformed[9] = (byte) 0xC3;
        Path file = folder.resolve("bad.jsonl");
        try (OutputStream out = Files.newOutputStream(file)) {
            out.write("\uFEFF{\"text\":\"good\"}\r\n\n".getBytes(StandardCharsets.UTF_8));
            out.write(malformed);
            String rest = "{\"text\": \"cut\n[1]\n{\"text\":\"a\",\"text\":\"b\"}\n{} {}\n{\"a\":" + "[".repeat(70)
                    + "]".repeat(70) + "}\n" + "x".repeat(200) + "\n{\"n\":" + "1".repeat(150)
                    + "}\n{\"text\":\"last\"}";
            out.write(rest.getBytes(StandardCharsets.UTF_8));
        }
        List<Row> rows = TestFiles.rows(file, new DataOptions.Limits(180, 64, 0.01, 100, 20));
        assertThat(rows).extracting(Row::number).containsExactly(1L, 3L, 4L, 5L, 6L, 7L, 8L, 9L, 10L, 11L);
        assertThat(rows.getFirst().value().path("text").asText()).isEqualTo("good");
        assertThat(rows.getLast().value().path("text").asText()).isEqualTo("last");
        List<String> faults = rows.subList(1, 9).stream().map(Row::fault).toList();
        assertThat(faults.get(0)).isEqualTo("is not UTF-8");
        assertThat(faults.get(1)).startsWith("is no JSON: Unexpected end-of-input");
        assertThat(faults.get(2)).isEqualTo("is JSON, but no object");
        assertThat(faults.get(3)).contains("Duplicate field 'text'");
        assertThat(faults.get(4)).startsWith("is no JSON: Trailing token");
        assertThat(faults.get(5)).contains("nesting depth");
        assertThat(faults.get(6)).isEqualTo("is longer than 180 bytes");
        assertThat(faults.get(7)).contains("Number value length");
    }

    @Test
    void aLineMayBeAsLongAsTheLimitAndNoLonger() throws IOException {
        for (int length : new int[] {65_535, 65_536, 65_537, 200_000}) {
            String line = "{\"text\":\"" + "a".repeat(length - 11) + "\"}";
            Path file = TestFiles.write(folder.resolve("long.jsonl"), line + "\n" + line + "\n");
            assertThat(TestFiles.rows(file, new DataOptions.Limits(length, 64, 0.01, 100, 20)))
                    .extracting(Row::fault)
                    .containsExactly(null, null);
            assertThat(TestFiles.rows(file, new DataOptions.Limits(length - 1, 64, 0.01, 100, 20)))
                    .extracting(Row::fault)
                    .containsExactly(
                            "is longer than " + (length - 1) + " bytes", "is longer than " + (length - 1) + " bytes");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {".jsonl.gz", ".jsonl.zst"})
    void aFileThatUnpacksToOneEndlessLineIsOneBadRow(String suffix) throws IOException {
        Path file = folder.resolve("bomb" + suffix);
        byte[] zeros = new byte[1 << 20];
        try (OutputStream out = TestFiles.packed(file)) {
            for (int i = 0; i < 256; i++) {
                out.write(zeros);
            }
            out.write("\n{\"text\":\"after\"}\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(Files.size(file)).isLessThan(1 << 20);
        List<Row> rows = TestFiles.rows(file, LIMITS);
        assertThat(rows).extracting(Row::fault).containsExactly("is longer than 16777216 bytes", null);
    }

    @Test
    void aTextFileIsOneDocumentOrItsParagraphs() throws IOException {
        Path file = TestFiles.write(folder.resolve("a.txt"), "\uFEFFone\r\ntwo\r\n\r\n\r\nthree\n");
        assertThat(texts(TestFiles.rows(file, LIMITS)))
                .extracting(JsonNode::asText)
                .containsExactly("one\r\ntwo\r\n\r\n\r\nthree\n");
        List<Row> paragraphs = TestFiles.rows(file, RowFormat.PARAGRAPHS, LIMITS, Place.START);
        assertThat(texts(paragraphs)).extracting(JsonNode::asText).containsExactly("one\ntwo", "three");
        assertThat(paragraphs).extracting(Row::number).containsExactly(1L, 5L);
        DataOptions.Limits narrow = new DataOptions.Limits(6, 64, 0.01, 100, 20);
        assertThat(TestFiles.rows(file, narrow).getFirst().fault()).contains("more than 6 bytes");
        assertThat(TestFiles.rows(file, RowFormat.PARAGRAPHS, narrow, Place.START))
                .extracting(row -> row.fault() != null)
                .containsExactly(true, false);
    }

    @Test
    void aBadRowOfParquetHasItsNumber() throws IOException {
        List<Row> rows = TestFiles.rows(TestFiles.resource("flawed.parquet"), LIMITS);
        assertThat(rows).extracting(Row::fault).containsExactly(null, "is not UTF-8", null, null);
        assertThat(rows.get(1).number()).isEqualTo(2);
        DataOptions.Limits narrow = new DataOptions.Limits(60, 64, 0.01, 100, 20);
        assertThat(TestFiles.rows(TestFiles.resource("chat.parquet"), narrow)
                        .getFirst()
                        .fault())
                .isEqualTo("is larger than 60 bytes");
    }

    @Test
    void aPackedFileThatIsCutOffIsAnError() throws IOException {
        byte[] lines = Files.readAllBytes(TestFiles.resource("text.jsonl"));
        for (String suffix : List.of(".jsonl.gz", ".jsonl.zst")) {
            Path file = TestFiles.write(folder.resolve("cut" + suffix), lines);
            byte[] packed = Files.readAllBytes(file);
            Files.write(file, Arrays.copyOf(packed, packed.length - 20));
            assertThatThrownBy(() -> TestFiles.rows(file, LIMITS)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void anUnknownCodecOfParquetIsNamed() {
        assertThatThrownBy(() -> TestFiles.rows(TestFiles.resource("broken-codec.parquet"), LIMITS))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("BROTLI, which is not supported; supported are SNAPPY, ZSTD and GZIP");
    }

    /** Every damage ends in an IOException or in rows; nothing else comes out, and no large memory is asked for. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "text.snappy.parquet",
                "text.zstd.parquet",
                "text.gzip.parquet",
                "text.plain.parquet",
                "chat.parquet"
            })
    void damagedParquetFilesAreErrorsAndNoCrashes(String name) throws IOException {
        byte[] whole = Files.readAllBytes(TestFiles.resource(name));
        Random random = new Random(7);
        Path file = folder.resolve("damaged.parquet");
        int refused = 0;
        for (int i = 0; i < 400; i++) {
            byte[] damaged = i % 10 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
            for (int j = 0; j < 1 + i % 5 && damaged.length > 0; j++) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            Files.write(file, damaged);
            try {
                TestFiles.rows(file, LIMITS);
            } catch (IOException e) {
                refused++;
            }
        }
        assertThat(refused).isBetween(40, 400);
    }
}
