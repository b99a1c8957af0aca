package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.slayer.clients.SlayerClient;
import dev.slayer.server.cli.bundle.SelfTest;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SelfTestCommandTest {
    @Test
    void aWorkingInstallationPasses() {
        CommandRun run = CommandRun.of(new Server(), Map.of(), "self-test");
        assertThat(run.code()).as(run.out() + run.err()).isZero();
        assertThat(run.out().lines())
                .hasSize(3)
                .satisfiesExactly(
                        line -> assertThat(line).startsWith("ok      slayer-tiny: ["),
                        line -> assertThat(line).startsWith("ok      slayer-tiny@remove=3: ["),
                        line -> assertThat(line).startsWith("Slayer ").endsWith(" works here."));
    }

    @Test
    void oneOtherTokenFailsAndIsShown() {
        SelfTest right = SelfTest.embedded();
        SelfTest.Answer first = right.answers().getFirst();
        List<Integer> others = first.tokens().reversed();
        StringWriter said = new StringWriter();
        try (LiveServer server = new LiveServer(Map.of("slayer-tiny", Golden.checkpoint("slayer-tiny")));
                SlayerClient client = SlayerClient.connect(server.url().toString())) {
            SelfTest wrong = new SelfTest(right.prompt(), List.of(new SelfTest.Answer(first.model(), others)));
            assertThat(wrong.passes(client, new PrintWriter(said))).isFalse();
        }
        assertThat(said.toString())
                .startsWith("wrong   slayer-tiny: tokens ")
                .contains("instead of " + others)
                .hasLineCount(1);
    }

    @Test
    void whatItExpectsIsWhatTransformersSays() {
        SelfTest test = SelfTest.embedded();
        Golden.Prompt prompt = Golden.prompts("slayer-tiny").stream()
                .filter(candidate -> candidate.prompt().equals(test.prompt()))
                .findFirst()
                .orElseThrow();
        int[] withoutOne = GoldenLayouts.of("slayer-tiny").stream()
                .filter(layout -> layout.layout().equals("0-2,4-11"))
                .flatMap(layout -> layout.answers().stream())
                .filter(answer -> answer.prompt().equals(prompt.name()))
                .findFirst()
                .orElseThrow()
                .greedy();
        assertThat(test.answers())
                .extracting(SelfTest.Answer::model)
                .containsExactly("slayer-tiny", "slayer-tiny@remove=3");
        assertThat(test.answers().get(0).tokens())
                .isEqualTo(first(test.answers().get(0).tokens().size(), prompt.greedy()));
        assertThat(test.answers().get(1).tokens())
                .isEqualTo(first(test.answers().get(1).tokens().size(), withoutOne))
                .isNotEqualTo(test.answers().get(0).tokens());
    }

    private static List<Integer> first(int count, int[] tokens) {
        return Arrays.stream(tokens).limit(count).boxed().toList();
    }
}
