package dev.slayer.surgery.layout;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What docs/layouts.md says is so. */
class DocumentedLayoutsTest {
    private static final String ARROW = " -> ";

    static Stream<String> examples() throws IOException {
        return lines().filter(line -> line.contains(ARROW));
    }

    @ParameterizedTest
    @MethodSource("examples")
    void everyExampleIsReadAsWritten(String line) {
        int arrow = line.indexOf(ARROW);
        String written = line.substring(0, arrow).strip();
        String canonical = line.substring(arrow + ARROW.length()).strip();
        assertThat(Shapes.expanded(written).layout().text()).isEqualTo(canonical);
        assertThat(Shapes.canonical(canonical)).isEqualTo(canonical);
    }

    @Test
    void theTableOfParametersIsRight() throws IOException {
        List<String> lines = lines().toList();
        for (String preset : List.of("preset=slayer", "preset=llama-pro")) {
            LayoutTable table = LayoutTable.of(Shapes.expanded(preset), Shapes.LLAMA_2_7B);
            assertThat(lines)
                    .contains(String.format(
                            "| `%s` | %d | %,d | %,d |",
                            preset, table.rows().size(), table.parameters(), table.trainableParameters()));
        }
    }

    @Test
    void thereAreExamplesOfEveryPart() throws IOException {
        assertThat(examples()).hasSizeGreaterThan(30);
        String text = String.join("\n", lines().toList());
        assertThat(LayoutParameters.names()).allSatisfy(name -> assertThat(text).contains("`" + name + "="));
        assertThat(text).contains("at most " + Layout.MAX_SLOTS + " slots", "32,768 characters");
        assertThat(Layout.MAX_TEXT).isEqualTo(32_768);
    }

    private static Stream<String> lines() throws IOException {
        Path file = Path.of(System.getProperty("slayer.root", "..")).resolve("docs/layouts.md");
        return Files.readAllLines(file).stream();
    }
}
