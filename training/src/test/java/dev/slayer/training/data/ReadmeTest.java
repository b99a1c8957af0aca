package dev.slayer.training.data;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What training/README.md says of data holds. */
class ReadmeTest {
    private static final Path TRAINING =
            Path.of(System.getProperty("slayer.root", "..")).resolve("training");

    @TempDir
    Path folder;

    private static String readme() throws IOException {
        return Files.readString(TRAINING.resolve("README.md"));
    }

    private static String group(String pattern, String text) {
        Matcher matcher = Pattern.compile(pattern, Pattern.DOTALL).matcher(text);
        assertThat(matcher.find()).as(pattern).isTrue();
        return matcher.group(1);
    }

    @Test
    void theTableHasAllFormatsInTheOrderInWhichTheyAreTried() throws IOException {
        String table = group("<!-- formats -->\n(.*?)\n\n", readme());
        List<String> names = Pattern.compile("^\\| `([a-z-]+)`", Pattern.MULTILINE)
                .matcher(table)
                .results()
                .map(match -> match.group(1))
                .filter(name -> !name.equals("format"))
                .toList();
        assertThat(names)
                .isEqualTo(Arrays.stream(RowFormat.values())
                        .map(RowFormat::toString)
                        .toList());
    }

    @Test
    void theRowsAreOfTheFormatsInTheirOrder() throws Exception {
        List<RowFormat> formats = new ArrayList<>();
        for (String row :
                group("<!-- rows -->\n```json\n(.*?)```", readme()).lines().toList()) {
            RowFormat format =
                    FieldMapping.detect(new ObjectMapper().readTree(row)).orElseThrow();
            assertThat(FieldMapping.document(format, new ObjectMapper().readTree(row)))
                    .isPresent();
            formats.add(format);
        }
        assertThat(formats).isEqualTo(List.of(RowFormat.values()).subList(0, RowFormat.values().length - 1));
    }

    @Test
    void theExampleIsTheOneThatIsCompiled() throws IOException {
        String source = Files.readString(TRAINING.resolve("src/test/java/dev/slayer/training/data/ReadmeTest.java"));
        String example = group("// README: begin\n(.*?) *// README: end", source);
        assertThat(readme()).contains("```java\n" + example.indent(-8) + "```");
    }

    @Test
    void theExampleRuns() throws IOException {
        TestFiles.write(folder.resolve("math.jsonl"), "{\"query\":\"2+2?\",\"response\":\"4\"}\n".repeat(20));
        TestFiles.write(folder.resolve("code.jsonl"), "{\"text\":\"x = 1\"}\n".repeat(20));
        List<Batch> batches = new ArrayList<>();
        DataReport report = example(folder, new ByteCodec(true), batches::add);
        assertThat(batches).hasSize(1);
        assertThat(report.sources())
                .extracting(DataReport.SourceReport::documents)
                .containsExactly(60L, 60L);
    }

    private static DataReport example(Path folder, TextCodec codec, Consumer<Batch> learn) {
        // README: begin
        List<DataSource> sources = DataSource.list("math.jsonl:5,code.jsonl:2").stream()
                .map(source -> source.under(folder))
                .toList();
        DataOptions options = DataOptions.of(sources, 4096, 8)
                .withOrder(new DataOptions.Order(42, 3, 0, 10_000, DataOptions.Order.End.ALL))
                .withValidation(new DataOptions.Validation(0.01, List.of(), 100_000));
        TrainingData data = TrainingData.open(options, codec);
        try (BatchStream stream = data.train()) {
            for (Optional<Batch> batch = stream.next(); batch.isPresent(); batch = stream.next()) {
                learn.accept(batch.get());
            }
            return stream.report();
        }
        // README: end
    }
}
