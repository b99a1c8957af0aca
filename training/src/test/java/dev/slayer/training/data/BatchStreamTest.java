package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.surgery.SlayerException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BatchStreamTest {
    @TempDir
    Path folder;

    private Path texts(String name, int count, String text) throws IOException {
        return TestFiles.texts(
                folder.resolve(name),
                IntStream.range(0, count).mapToObj(i -> text + i).toList());
    }

    private static DataOptions ordered(DataOptions options) {
        return options.withOrder(new DataOptions.Order(0, 1, 0, 0, DataOptions.Order.End.ALL));
    }

    private static DataOptions packed(DataOptions options, int length, int rows, DataOptions.Packing.Mode mode) {
        return options.withPacking(new DataOptions.Packing(length, rows, mode, true));
    }

    @Test
    void splitRowsAreTheDocumentsOneAfterTheOtherWithEosBetween() throws IOException {
        Path file = TestFiles.texts(folder.resolve("a.jsonl"), List.of("abcdef", "gh", "ij"));
        DataOptions options = packed(ordered(TestFiles.options(file)), 6, 2, DataOptions.Packing.Mode.SPLIT);
        List<Batch> batches = TestFiles.all(TestFiles.open(options).train());
        assertThat(batches).hasSize(2);
        assertThat(ByteCodec.text(batches.get(0).tokens())).isEqualTo("^abcde" + "f$^gh$");
        assertThat(batches.get(0).targets())
                .containsExactly('a', 'b', 'c', 'd', 'e', 'f', ByteCodec.EOS, -100, 'g', 'h', ByteCodec.EOS, -100);
        assertThat(batches.get(0).documents()).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1);
        assertThat(batches.get(0).positions()).containsExactly(0, 1, 2, 3, 4, 5, 0, 1, 0, 1, 2, 3);
        assertThat(ByteCodec.text(batches.get(1).tokens())).isEqualTo("^ij$$$" + "$$$$$$");
        assertThat(batches.get(1).used()).containsExactly(4, 0);
        assertThat(batches.get(1).allTargets()).isEqualTo(3);
    }

    @Test
    void wholeExamplesShareRowsAndTheLongestIsCutAndCounted() throws IOException {
        Path file = TestFiles.write(folder.resolve("a.jsonl"), """
                {"prompt":"ab","completion":"cdef"}
                {"prompt":"g","completion":"hijklmnopq"}
                {"prompt":"r","completion":"s"}
                {"prompt":"0123456789","completion":"lost"}
                {"prompt":"","completion":"t"}
                """);
        DataOptions options = packed(ordered(TestFiles.options(file)), 8, 2, DataOptions.Packing.Mode.WHOLE);
        BatchStream stream = TestFiles.open(options).train();
        List<Batch> batches = TestFiles.all(stream);
        assertThat(batches).hasSize(2);
        assertThat(ByteCodec.text(batches.get(0).tokens())).isEqualTo("^abcdef$" + "^ghijklm");
        assertThat(ByteCodec.text(batches.get(1).tokens())).isEqualTo("^rs$^t$$" + "$$$$$$$$");
        assertThat(batches.get(0).targets())
                .containsExactly(
                        -100, -100, 'c', 'd', 'e', 'f', ByteCodec.EOS, -100, -100, 'h', 'i', 'j', 'k', 'l', 'm', -100);
        DataReport.SourceReport report = stream.report().sources().getFirst();
        assertThat(report.truncated()).isEqualTo(1);
        assertThat(report.dropped()).as("the prompt fills the row").isEqualTo(1);
        assertThat(report.documents()).isEqualTo(4);
    }

    @Test
    void fewPlacesArePaddingWhenExamplesStayWhole() throws IOException {
        java.util.Random random = new java.util.Random(1);
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 20_000; i++) {
            rows.append("{\"prompt\":\"q\",\"completion\":\"")
                    .append("a".repeat(1 + random.nextInt(60)))
                    .append("\"}\n");
        }
        Path file = TestFiles.write(folder.resolve("a.jsonl"), rows.toString());
        BatchStream stream = TestFiles.open(packed(TestFiles.options(file), 256, 8, DataOptions.Packing.Mode.WHOLE))
                .train();
        TestFiles.all(stream);
        assertThat(stream.report().padding()).isLessThan(0.01);
    }

    @Test
    void theSameSeedGivesTheSameBatchesAndAnotherOneAnotherOrder() throws IOException {
        DataOptions options = TestFiles.options(texts("a.jsonl", 500, "text "));
        String first = TestFiles.text(TestFiles.all(TestFiles.open(options).train()));
        assertThat(TestFiles.text(TestFiles.all(TestFiles.open(options).train())))
                .isEqualTo(first);
        DataOptions other = options.withOrder(new DataOptions.Order(1, 1, 0, 10_000, DataOptions.Order.End.ALL));
        String second = TestFiles.text(TestFiles.all(TestFiles.open(other).train()));
        assertThat(second).isNotEqualTo(first).hasSameSizeAs(first);
    }

    @Test
    void rowsAreShuffledInsideBlocksAndDifferentlyInEachPass() throws IOException {
        DataOptions options = TestFiles.options(texts("a.jsonl", 400, "t"))
                .withOrder(new DataOptions.Order(3, 2, 0, 100, DataOptions.Order.End.ALL));
        List<Integer> numbers = java.util.regex.Pattern.compile("t(\\d+)\\$")
                .matcher(TestFiles.text(TestFiles.all(TestFiles.open(options).train())))
                .results()
                .map(match -> Integer.parseInt(match.group(1)))
                .toList();
        assertThat(numbers).hasSize(800);
        assertThat(numbers.subList(0, 100))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.range(0, 100).boxed().toList())
                .isNotEqualTo(numbers.subList(400, 500))
                .isNotEqualTo(IntStream.range(0, 100).boxed().toList());
        assertThat(numbers.subList(400, 500)).containsExactlyInAnyOrderElementsOf(numbers.subList(0, 100));
    }

    @Test
    void tokensOfSourcesAreMixedInTheRatioAskedFor() throws IOException {
        Path math = texts("math.jsonl", 30_000, "m");
        Path code = texts("code.jsonl", 3_000, "a considerably longer text of code ");
        List<DataSource> sources = DataSource.list(math + ":5," + code + ":2");
        DataOptions options = DataOptions.of(sources, 64, 8)
                .withOrder(new DataOptions.Order(0, 1, 100_000, 1000, DataOptions.Order.End.ALL));
        try (BatchStream stream = TestFiles.open(options).train()) {
            for (int i = 0; i < 100; i++) {
                stream.next();
                List<DataReport.SourceReport> reports = stream.report().sources();
                double longest = 45;
                assertThat(reports.get(0).tokens() / 5.0)
                        .isCloseTo(reports.get(1).tokens() / 2.0, within(longest));
            }
        }
    }

    @Test
    void whenASourceEndsTheOthersGoOnOrAllStop() throws IOException {
        Path small = texts("small.jsonl", 20, "s");
        Path large = texts("large.jsonl", 200, "l");
        DataOptions options = TestFiles.options(small, large);
        BatchStream goesOn = TestFiles.open(options).train();
        TestFiles.all(goesOn);
        assertThat(goesOn.report().sources())
                .extracting(DataReport.SourceReport::documents)
                .containsExactly(20L, 200L);
        BatchStream stops = TestFiles.open(
                        options.withOrder(new DataOptions.Order(0, 2, 0, 100, DataOptions.Order.End.FIRST)))
                .train();
        TestFiles.all(stops);
        assertThat(stops.report().sources().getFirst().passes()).isEqualTo(2);
        assertThat(stops.report().sources().get(0).documents()).isEqualTo(40);
        assertThat(stops.report().sources().get(1).documents()).isBetween(30L, 45L);
    }

    @Test
    void aTokenBudgetEndsTheStreamWithTheBatchThatReachesIt() throws IOException {
        DataOptions options = TestFiles.options(texts("a.jsonl", 10, "t"))
                .withOrder(new DataOptions.Order(0, 0, 1000, 100, DataOptions.Order.End.ALL));
        BatchStream stream = TestFiles.open(options).train();
        assertThat(TestFiles.all(stream)).hasSize(32); // batches of 32 tokens
        assertThat(stream.report().tokens()).isEqualTo(1024);
        assertThat(stream.report().sources().getFirst().passes()).isGreaterThan(10);
    }

    @Test
    void aStreamOverParquetGoesOnExactly() {
        DataOptions options = TestFiles.options(
                        TestFiles.resource("chat.parquet"),
                        TestFiles.resource("text.snappy.parquet"),
                        TestFiles.resource("text.zstd.parquet"))
                .withOrder(new DataOptions.Order(9, 2, 0, 30, DataOptions.Order.End.ALL));
        List<Batch> whole = TestFiles.all(TestFiles.open(options).train());
        assertThat(whole).hasSizeGreaterThan(100);
        try (BatchStream stream = TestFiles.open(options).train()) {
            for (int given = 1; given <= whole.size(); given++) {
                stream.next();
                if (given % 41 == 0) {
                    BatchStreamPropertiesTest.assertSame(
                            TestFiles.all(TestFiles.open(options).train(stream.position())),
                            whole.subList(given, whole.size()));
                }
            }
        }
    }

    @Test
    void aSplitThatLeavesNothingForOneSideIsRefused() throws IOException {
        DataOptions options = TestFiles.options(texts("a.jsonl", 3, "t"));
        TrainingData nothingHeldBack =
                TestFiles.open(options.withValidation(new DataOptions.Validation(1e-9, List.of(), 0)));
        assertThatThrownBy(() -> TestFiles.all(nothingHeldBack.validation("a.jsonl")))
                .hasMessageContaining("source 'a.jsonl' has no row for validation");
        TrainingData allHeldBack =
                TestFiles.open(options.withValidation(new DataOptions.Validation(1 - 1e-9, List.of(), 0)));
        assertThatThrownBy(() -> TestFiles.all(allHeldBack.train()))
                .hasMessageContaining("source 'a.jsonl' has no row for training");
    }

    @Test
    void aRunCanBeMadeLonger() throws IOException {
        DataOptions options = TestFiles.options(texts("a.jsonl", 100, "t"));
        BatchStream once = TestFiles.open(options).train();
        int batches = TestFiles.all(once).size();
        DataOptions twice = options.withOrder(new DataOptions.Order(0, 2, 0, 10_000, DataOptions.Order.End.ALL));
        assertThat(TestFiles.all(TestFiles.open(twice).train(once.position())).size())
                .isBetween(batches - 1, batches);
    }

    @Test
    void aPositionOfOtherDataIsRefused() throws IOException {
        Path file = texts("a.jsonl", 50, "t");
        DataPosition position = TestFiles.open(TestFiles.options(file)).train().position();
        texts("a.jsonl", 51, "t");
        assertThatThrownBy(() -> TestFiles.open(TestFiles.options(file)).train(position))
                .isInstanceOf(SlayerException.class)
                .hasMessageContaining("the position is of other data");
        for (String damaged : List.of("", "{}", "[]", "null", "{\"fingerprint\":\"x\"}")) {
            assertThatThrownBy(() -> DataPosition.fromJson(damaged))
                    .as(damaged)
                    .isInstanceOf(SlayerException.class)
                    .hasMessageContaining("the data position is ");
        }
    }

    @Test
    void aPositionThatNamesNoPlaceIsRefused() throws IOException {
        TrainingData data = TestFiles.open(TestFiles.options(texts("a.jsonl", 50, "t")));
        String json = data.train().position().toJson();
        for (String damaged : List.of(
                json.replace("\"file\":0", "\"file\":7"),
                json.replace("\"taken\":0", "\"taken\":77"),
                json.replace("\"taken\":0", "\"taken\":-1"),
                json.replace("\"pass\":0", "\"pass\":-1"),
                json.replace("\"offset\":0", "\"offset\":99"))) {
            assertThat(damaged).isNotEqualTo(json);
            assertThatThrownBy(() -> data.train(DataPosition.fromJson(damaged)))
                    .as(damaged)
                    .isInstanceOf(SlayerException.class);
        }
    }

    @Test
    void equalRowsFallOnTheSameSideOfTheSplit() throws IOException {
        Path first = texts("first.jsonl", 1000, "row ");
        Path again = texts("again.jsonl.gz", 1000, "row ");
        DataOptions options =
                TestFiles.options(first, again).withValidation(new DataOptions.Validation(0.1, List.of(), 0));
        TrainingData data = TestFiles.open(options);
        assertThat(data.domains()).containsExactly("first.jsonl", "again.jsonl.gz");
        BatchStream one = data.validation("first.jsonl");
        BatchStream two = data.validation("again.jsonl.gz");
        assertThat(TestFiles.text(TestFiles.all(one))).isEqualTo(TestFiles.text(TestFiles.all(two)));
        assertThat(one.report().sources().getFirst().documents()).isBetween(70L, 130L);
        BatchStream train = data.train();
        TestFiles.all(train);
        assertThat(train.report().sources().getFirst().documents())
                .isEqualTo(1000 - one.report().sources().getFirst().documents());
    }

    @Test
    void validationHasFilesOfItsOwnAndAnEnd() throws IOException {
        Path train = texts("train.jsonl", 50, "t");
        Path held = texts("held.jsonl", 100, "h");
        DataOptions options = TestFiles.options(train)
                .withValidation(new DataOptions.Validation(
                        0, List.of(DataSource.parse(held.toString()).named("held")), 64));
        TrainingData data = TestFiles.open(options);
        assertThat(data.domains()).containsExactly("held");
        List<Batch> batches = TestFiles.all(data.validation("held"));
        assertThat(batches).hasSize(2);
        assertThat(TestFiles.text(batches)).startsWith("^h0$^h1$^h2$");
        assertThatThrownBy(() -> data.validation("train.jsonl"))
                .hasMessage("there is no validation domain 'train.jsonl'; there are [held]");
    }

    @Test
    void aShardNeedsARow() throws IOException {
        TrainingData data = TestFiles.open(TestFiles.options(texts("a.jsonl", 50, "t")));
        for (int[] part : new int[][] {{0, 0}, {-1, 2}, {2, 2}, {0, 3}}) {
            assertThatThrownBy(() -> data.train().shard(part[0], part[1])).isInstanceOf(SlayerException.class);
        }
    }
}
