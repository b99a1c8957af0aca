package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.server.api.OpenAiClient;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.engine.block.DerivedBlocks;
import dev.slayer.server.golden.Golden;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** clients/python/soak.py: a short one against the assembled server, and what it makes of scores. */
@Timeout(600)
class SoakTest {
    @Test
    void aShortSoakFindsNothing() throws Exception {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        try (RunningServer server = new Server().start(ServerTest.settings(List.of(model)))) {
            List<String> arguments = List.of(
                    "--url",
                    server.url().toString(),
                    "--requests",
                    "132",
                    "--pid",
                    Long.toString(ProcessHandle.current().pid()));
            OpenAiClient.Result result = OpenAiClient.run("soak.py", arguments, Map.of());
            assertThat(result.exitCode()).as(result.output()).isZero();
            assertThat(result.output())
                    .contains("score 72 stream 24 leave 12 layout 12 variant 6 compare 6 | errors 0")
                    .containsPattern("scores: [1-9]\\d* first values; 0 cached ones that nobody computed\n")
                    .containsPattern(
                            "prompts: [1-9]\\d* identical to their first values, \\d+ within 0.0001, 0 changed\n")
                    .containsPattern(
                            "next tokens: \\d+ identical to their first values, \\d+ within 0.0001, 0 changed\n")
                    .contains("KV in use at the end: 0.00 %")
                    .endsWith("soak: held\n");
            server.drain(Duration.ofSeconds(10));
        }
    }

    @Test
    void aServerThatRefusesSomeRequestsFailsIt() throws Exception {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        DerivedBlocks none = new DerivedBlocks(0, Duration.ZERO);
        try (RunningServer server = new Server().start(ServerTest.settings(List.of(model), none))) {
            OpenAiClient.Result result = OpenAiClient.run(
                    "soak.py", List.of("--url", server.url().toString(), "--requests", "44"), Map.of());
            assertThat(result.exitCode()).as(result.output()).isEqualTo(1);
            assertThat(result.output())
                    .containsPattern("error, \\d+ times: score: InternalServerError: .*507")
                    .contains("KV in use at the end: 0.00 %")
                    .endsWith("soak: FAILED\n");
        }
    }

    @Test
    void scoresAreComparedWithTheirFirstValuesAndWithWhatWasComputed() throws Exception {
        OpenAiClient.Result result = OpenAiClient.run("tests/soak_scores.py", List.of(), Map.of());
        assertThat(result.exitCode()).as(result.output()).isZero();
        assertThat(result.output()).hasLineCount(6);
    }
}
