package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenDelta;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LayoutCommandTest {
    private static final String LLAMA = Path.of(System.getProperty("slayer.root", ".."))
            .toAbsolutePath()
            .resolve("test-data/shapes/llama-2-7b")
            .toString();

    @Test
    void theTableShowsSlotsAndTotalsFromTheConfigAlone() {
        CommandRun run = layout(LLAMA, "--preset", "slayer");
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(run.out())
                .startsWith("llama-2-7b@0-1,avg(1:2),2-3,")
                .containsPattern("(?m)^2 +avg\\(1:2\\) +average +1 2 +202,383,360 +yes$")
                .containsPattern("(?m)^layers +38$")
                .containsPattern("(?m)^parameters +7,952,715,776 \\(7\\.95 B\\)$")
                .containsPattern("(?m)^trainable parameters +1,952,522,240 \\(1\\.95 B\\)$")
                .containsPattern("(?m)^derived blocks +9, 6948\\.3 MiB as float32$")
                .contains("The head is trained too.");
    }

    @Test
    void whatADeltaTrainsIsShownWithTheMemoryThatItCosts() {
        String base = Golden.checkpoint("random-mistral").toString();
        String delta = "d=" + GoldenDelta.of("mistral").folder();
        CommandRun run = layout(base, "--delta", delta);
        assertThat(run.out())
                .as(run.err())
                .startsWith("random-mistral@0,d:1-2,d:3*0.5,norm(d),head(d)")
                .containsPattern("(?m)^layers +4$")
                .containsPattern("(?m)^derived blocks +4, ");
        assertThat(layout(base, "0-2,head(d)", "--delta", delta).out())
                .contains("random-mistral@0-2,head(d)")
                .containsPattern("(?m)^derived blocks +1, ");
    }

    @Test
    void jsonHasTheSameNumbers() throws IOException {
        CommandRun run = layout(LLAMA, "preset=llama-pro", "--groups", "8", "--json");
        assertThat(run.code()).as(run.err()).isZero();
        JsonNode json = new ObjectMapper().readTree(run.out());
        assertThat(json.get("model").textValue()).isEqualTo("llama-2-7b");
        JsonNode table = json.get("table");
        assertThat(table.get("rows")).hasSize(40);
        assertThat(table.get("parameters").longValue()).isEqualTo(8_357_482_496L);
        assertThat(table.get("trainable_parameters").longValue()).isEqualTo(1_750_138_880L);
        assertThat(table.get("rows").get(4).get("silent").booleanValue()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "; slayer-tiny@0-11",
                "0-5,avg(5:6),6-11; slayer-tiny@0-5,avg(5:6),6-11",
                "slayer-tiny@remove=3; slayer-tiny@0-2,4-11",
                "@remove=3; slayer-tiny@0-2,4-11",
                "--remove 3 --skip attn:5; slayer-tiny@0-2,4,5-attn,6-11",
                "slayer-tiny@remove=3 --scale 4:0.5; slayer-tiny@0-2,4*0.5,5-11",
                "0-3 --model tiny=LLAMA; tiny@0-3",
                "twin:3,tiny:4 --model tiny=LLAMA --model twin=LLAMA; tiny@twin:3,4",
                "twin@0 --model tiny=LLAMA --model twin=LLAMA; twin@0",
            })
    void checkpointAndLayoutMayBeNamedInTheseWays(String line, String heading) {
        String[] words =
                line == null ? new String[0] : line.replace("LLAMA", LLAMA).split(" ");
        CommandRun run = layout(words);
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out().lines().findFirst()).hasValue(heading);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "0-12; layers=0-12: layer 12 does not exist, this checkpoint has 0-11",
                "nowhere@0; 'nowhere' is no directory and no model's name",
                "nowhere 0; 'nowhere' is no directory",
                "remove=3 --remove 4; parameter 'remove' is given twice",
                "--preset nonsense; 'nonsense' is unknown",
                "0 1 2; Unmatched argument",
            })
    void wrongUseIsExitCode2WithASentence(String line, String part) {
        CommandRun run = layout(line.split(" "));
        assertThat(run.code()).isEqualTo(2);
        assertThat(run.err())
                .startsWith("slayer: ")
                .contains(part)
                .contains("--help")
                .doesNotContain("\tat ");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void helpShowsEveryOptionWithinEightyColumns() {
        String help = layout("--help").out();
        assertThat(help).contains("--preset=NAME", "--group-size=N", "--json", "LAYOUT");
        assertThat(help.lines()).allMatch(line -> line.length() <= 80);
    }

    private static CommandRun layout(String... words) {
        String[] args = new String[words.length + 1];
        args[0] = "layout";
        System.arraycopy(words, 0, args, 1, words.length);
        return CommandRun.of(new CannedServers(Duration.ZERO, 0), Map.of(), args);
    }
}
