package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is found, what is refused, and in which words. */
class TrainingDataTest {
    @TempDir
    Path folder;

    private AbstractThrowableAssert<?, ?> assertRefused(String path) {
        DataOptions options = DataOptions.of(List.of(DataSource.parse(path)), 16, 2);
        return assertThatThrownBy(() -> TestFiles.all(TestFiles.open(options).train()))
                .isInstanceOfSatisfying(
                        SlayerException.class, e -> assertThat(e.status()).isEqualTo(400));
    }

    private static String text(DataSource... sources) {
        DataOptions options = DataOptions.of(List.of(sources), 16, 2)
                .withOrder(new DataOptions.Order(0, 1, 0, 0, DataOptions.Order.End.ALL));
        return TestFiles.text(TestFiles.all(TestFiles.open(options).train()));
    }

    @Test
    void aFolderIsAllFilesOfKnownKindsInItInOrder() throws IOException {
        Files.createDirectories(folder.resolve("b/.hidden"));
        TestFiles.write(folder.resolve("b/2.jsonl"), "{\"text\":\"two\"}");
        TestFiles.write(folder.resolve("a.txt"), "one");
        TestFiles.write(folder.resolve("c.jsonl.gz"), "{\"text\":\"three\"}");
        TestFiles.write(folder.resolve("README.md"), "no data");
        TestFiles.write(folder.resolve("b/.hidden/x.txt"), "no data");
        assertThat(text(DataSource.parse(folder.toString()))).isEqualTo("^one$^two$^three$");
    }

    @Test
    void aGlobNamesFiles() throws IOException {
        for (String name : List.of("a1.txt", "a2.txt", "b1.txt")) {
            TestFiles.write(folder.resolve(name), name);
        }
        assertThat(text(DataSource.parse(folder + "/a*.txt"))).isEqualTo("^a1.txt$^a2.txt$");
        assertThat(text(DataSource.parse(folder + "/{a2,b1}.txt"))).isEqualTo("^a2.txt$^b1.txt$");
        assertThat(text(DataSource.parse("*1.txt").under(folder))).isEqualTo("^a1.txt$^b1.txt$");
        Files.createDirectories(folder.resolve("deep/er"));
        TestFiles.write(folder.resolve("deep/er/a1.txt"), "deep");
        assertThat(text(DataSource.parse(folder + "/**/a1.txt"))).isEqualTo("^deep$");
        TestFiles.write(folder.resolve("odd[1].txt"), "odd");
        assertThat(text(DataSource.parse(folder + "/odd[1].txt"))).isEqualTo("^odd$");
    }

    @Test
    void sourcesAreWrittenWithWeights() {
        assertThat(DataSource.list("math.jsonl:5, code.jsonl:2.5,{a,b}.txt,c:d.txt"))
                .extracting(DataSource::path, DataSource::weight)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("math.jsonl", 5.0),
                        org.assertj.core.groups.Tuple.tuple("code.jsonl", 2.5),
                        org.assertj.core.groups.Tuple.tuple("{a,b}.txt", 1.0),
                        org.assertj.core.groups.Tuple.tuple("c:d.txt", 1.0));
        for (String wrong : List.of("", "a,,b", "a:0", "a:10000000", "a\0b")) {
            assertThatThrownBy(() -> DataSource.list(wrong)).as(wrong).isInstanceOf(SlayerException.class);
        }
        assertThatThrownBy(() -> DataOptions.of(DataSource.list("a:5,a:2"), 16, 2))
                .hasMessageContaining("source 'a' is named twice");
    }

    @Test
    void whatIsNotThereIsRefused() throws IOException {
        assertRefused(folder + "/none.jsonl")
                .hasMessageContaining("none.jsonl' of source")
                .hasMessageContaining("does not exist");
        assertRefused(folder + "/*.jsonl").hasMessageContaining("no file matches");
        assertRefused(folder.toString())
                .hasMessageContaining(
                        "has no file of a known kind: .jsonl and .txt, also with .gz and .zst, and .parquet");
        TestFiles.write(folder.resolve("data.csv"), "a,b");
        assertRefused(folder + "/data.csv").hasMessageContaining("is of no known kind");
        assertRefused(folder + "/[.jsonl").hasMessageContaining("is no glob");
    }

    @Test
    void dataWithoutAUsableRowIsRefused() throws IOException {
        for (String content : List.of("", "\n\n\n", "{\"text\":\" \"}\n", "{\"content\":\"x\"}\n", "no json\n", "[]")) {
            Path file = TestFiles.write(folder.resolve("empty.jsonl"), content);
            assertRefused(file.toString()).as(content).hasMessageContaining("has no row that can be used");
        }
        TestFiles.write(folder.resolve("fields.jsonl"), "{\"content\":\"x\",\"id\":1}\n");
        assertRefused(folder + "/fields.jsonl")
                .hasMessageContaining("fields.jsonl:1 has the fields content, id, which are no known format's");
        for (String name : List.of("a.parquet", "a.jsonl.gz", "a.jsonl.zst")) {
            Files.writeString(folder.resolve(name), "not what the name says");
            assertRefused(folder + "/" + name).hasMessageContaining("'" + folder.resolve(name) + "' cannot be read");
        }
    }

    @Test
    void conversationsWithoutATemplateAreRefusedUnlessThePlainStyleIsChosen() {
        DataSource chats = DataSource.parse(TestFiles.resource("chat.jsonl").toString());
        DataOptions options = DataOptions.of(List.of(chats), 64, 2);
        assertThatThrownBy(() -> TrainingData.open(options, new ByteCodec(false)))
                .hasMessageContaining(
                        "has conversations (format conversations), but the checkpoint has no chat template");
        DataOptions plain =
                options.withLearning(new DataOptions.Learning(DataOptions.Learning.Style.PLAIN, true, true));
        assertThat(TestFiles.text(TestFiles.all(
                        TrainingData.open(plain, new ByteCodec(false)).train())))
                .contains("### Instruction:\nWhat is 7+7?\n\n### Response:\n14$");
    }

    @Test
    void aNamedFormatIsTakenForAllRows() throws IOException {
        Path file =
                TestFiles.write(folder.resolve("a.jsonl"), "{\"text\":\"t\",\"prompt\":\"p\",\"completion\":\"c\"}\n");
        DataSource source = DataSource.parse(file.toString());
        assertThat(text(source)).isEqualTo("^pc$");
        assertThat(text(source.as(RowFormat.TEXT))).isEqualTo("^t$");
        assertThatThrownBy(() -> text(source.as(RowFormat.ALPACA))).hasMessageContaining(":1 has no 'instruction'");
        assertThatThrownBy(() -> text(source.as(RowFormat.PARAGRAPHS))).hasMessageContaining("has no paragraphs");
        assertThatThrownBy(() -> RowFormat.of("xml"))
                .hasMessage("format 'xml' is unknown; known are messages, conversations, alpaca, prompt-completion,"
                        + " query-response, text, paragraphs");
    }

    private Path withBadRows(int rows, int every) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 1; i <= rows; i++) {
            text.append(i % every == 0 ? "{\"text\": cut\n" : "{\"text\":\"row " + i + "\"}\n");
        }
        return TestFiles.write(folder.resolve("bad.jsonl"), text.toString());
    }

    @Test
    void badRowsAreCountedAndNamedByFileAndLine() throws IOException {
        Path file = withBadRows(1000, 101);
        BatchStream stream = TestFiles.open(TestFiles.options(file)).train();
        TestFiles.all(stream);
        DataReport.SourceReport report = stream.report().sources().getFirst();
        assertThat(report.rows()).isEqualTo(1000);
        assertThat(report.bad()).isEqualTo(9);
        assertThat(report.documents()).isEqualTo(991);
        assertThat(report.badRows()).hasSize(9);
        assertThat(report.badRows().getFirst().toString())
                .startsWith(file + ":101 is no JSON: Unrecognized token 'cut'");
    }

    @Test
    void badRowsAreCountedOnceHoweverManyPasses() throws IOException {
        DataOptions options = TestFiles.options(withBadRows(1000, 101))
                .withOrder(new DataOptions.Order(0, 3, 0, 50, DataOptions.Order.End.ALL));
        BatchStream stream = TestFiles.open(options).train();
        TestFiles.all(stream);
        assertThat(stream.report().sources().getFirst().bad()).isEqualTo(9);
        assertThat(stream.report().sources().getFirst().rows()).isEqualTo(1000);
        assertThat(stream.report().sources().getFirst().documents()).isEqualTo(3 * 991);
    }

    @Test
    void tooManyBadRowsAreRefusedWithTheFirstOfThem() throws IOException {
        Path file = withBadRows(1000, 20);
        assertRefused(file.toString())
                .hasMessageContaining("5 of the first 100 rows of source '" + file + "' are bad, more than 1.000 %")
                .hasMessageContaining(file + ":20 is no JSON")
                .hasMessageContaining(file + ":60 is no JSON")
                .hasMessageContaining("allow a larger share");
        DataOptions lenient = TestFiles.options(file).withLimits(new DataOptions.Limits(1 << 20, 64, 0.06, 100, 4));
        BatchStream stream = TestFiles.open(lenient).train();
        TestFiles.all(stream);
        assertThat(stream.report().sources().getFirst().bad()).isEqualTo(50);
        assertThat(stream.report().sources().getFirst().badRows()).hasSize(4);
    }

    @Test
    void rowsThatTheTemplateRefusesAreBad() throws IOException {
        String good =
                "{\"messages\":[{\"role\":\"user\",\"content\":\"u\"},{\"role\":\"assistant\",\"content\":\"a\"}]}\n";
        String bad = "{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}\n";
        Path file = TestFiles.write(folder.resolve("a.jsonl"), good.repeat(150) + bad + good.repeat(50));
        BatchStream stream = TestFiles.open(TestFiles.options(file)).train();
        TestFiles.all(stream);
        assertThat(stream.report().sources().getFirst().bad()).isEqualTo(1);
        assertThat(stream.report().sources().getFirst().badRows().getFirst().toString())
                .isEqualTo(file + ":151 is refused by the chat template: a user must begin");
        TestFiles.write(file, (good + bad).repeat(150));
        assertRefused(file.toString()).hasMessageContaining("of the first 300 rows");
        TestFiles.write(file, bad.repeat(50));
        assertRefused(file.toString())
                .hasMessageContaining("has no row")
                .hasMessageContaining(" is refused by the chat template: a user must begin");
    }

    @Test
    void aFileThatIsCutOffIsRefusedWithItsNameAndTheRow() throws IOException {
        Path file =
                TestFiles.write(folder.resolve("cut.jsonl.gz"), Files.readAllBytes(TestFiles.resource("text.jsonl")));
        byte[] packed = Files.readAllBytes(file);
        Files.write(file, java.util.Arrays.copyOf(packed, packed.length / 2));
        assertRefused(file.toString()).hasMessageContaining("'" + file + "' cannot be read on after row ");
    }
}
