package dev.slayer.server.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.slayer.clients.AbComparison;
import dev.slayer.clients.AbEvent;
import dev.slayer.clients.AbRequest;
import dev.slayer.clients.Completion;
import dev.slayer.clients.CompletionRequest;
import dev.slayer.clients.SlayerClient;
import dev.slayer.clients.Tokens;
import dev.slayer.server.cli.settings.ModelSource;
import dev.slayer.server.golden.Golden;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Comparisons over slayer-tiny: the endpoint, the command, and what docs/ab.md shows of both. */
@Timeout(300)
class AbCommandTest {
    private static final Pattern CURL =
            Pattern.compile("curl -N http://127\\.0\\.0\\.1:8000(\\S+) [^{]*-d '(\\{.*?})'\n", Pattern.DOTALL);
    private static final Pattern NUMBER = Pattern.compile("-?\\d+\\.\\d+(E-?\\d+)?");

    private static RunningServer server;
    private static SlayerClient client;

    @BeforeAll
    static void start() {
        ModelSource model = new ModelSource("slayer-tiny", Golden.checkpoint("slayer-tiny"));
        server = new Server().start(ServerTest.settings(List.of(model)));
        client = SlayerClient.connect(server.url().toString());
    }

    @AfterAll
    static void stop() {
        client.close();
        server.close();
    }

    private static CommandRun run(String... args) {
        return CommandRun.of(new Server(), Map.of(), args);
    }

    @Test
    void everyTokensLogProbabilityIsThatOfAPlainScoringRequest() {
        String prompt = "Once upon a time";
        String edited = "slayer-tiny@remove=0";
        AbComparison comparison = client.compare(AbRequest.of(prompt, "base", edited)
                .maxTokens(24)
                .temperature(0)
                .with("ignore_eos", true));
        assertThat(comparison.failures()).isEmpty();
        assertThat(comparison.answers()).hasSize(2);
        List<Integer> ids = ids(prompt);
        for (AbEvent.Answer answer : comparison.answers()) {
            List<Integer> all = new ArrayList<>(ids);
            answer.tokens().forEach(token -> all.add(token.token()));
            for (String model : List.of("base", edited)) {
                List<Double> expected = scores(model.equals("base") ? "slayer-tiny" : model, all);
                for (int i = 0; i < answer.tokens().size(); i++) {
                    assertThat(answer.tokens().get(i).logprobs().get(model))
                            .as("token %d of %s under %s", i, answer.variant(), model)
                            .isCloseTo(expected.get(ids.size() + i), within(1e-4));
                }
            }
        }
        AbEvent.Distance distance = comparison.summaries().getFirst().variants().getFirst();
        assertThat(distance.kl()).hasSize(24).allMatch(kl -> kl >= 0);
        assertThat(distance.meanKl()).isPositive();
        assertThat(distance.perplexityDifference()).isPositive();
    }

    private static List<Integer> ids(String text) {
        Tokens tokens = client.tokenize("slayer-tiny", text, true);
        return IntStream.of(tokens.ids()).boxed().toList();
    }

    private static List<Double> scores(String model, List<Integer> tokens) {
        Completion scored = client.complete(CompletionRequest.of(
                        model, tokens.stream().mapToInt(Integer::intValue).toArray())
                .maxTokens(1)
                .logprobs(1)
                .with("echo", true));
        return scored.choices().getFirst().logprobs().tokenLogprobs();
    }

    @Test
    void theCommandPrintsTheAnswersInColumnsAndTheirDistances() {
        CommandRun run = run(
                "ab",
                "Once upon a time",
                "--variant",
                "base",
                "--variant",
                "base@remove=3",
                "--max-tokens",
                "20",
                "--width",
                "80",
                "--model",
                Golden.checkpoint("slayer-tiny").toString());
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        List<String> lines = run.out().lines().toList();
        assertThat(lines.getFirst()).startsWith("base ").contains(" | base@remove=3");
        assertThat(lines).allMatch(line -> line.length() <= 80);
        assertThat(run.out())
                .containsPattern("(?m)^\\[20 tokens, length] +\\|")
                .containsPattern("(?m)\\| \\[20 tokens, length]$")
                .containsPattern("against base +mean KL, nats +top-1 agreement +perplexity +difference\n")
                .containsPattern("base@remove=3 +\\d+\\.\\d{6} +\\d+\\.\\d% +\\d+\\.\\d{4} +[+-]\\d+\\.\\d{4}\n");
    }

    @Test
    void severalPromptsAreToldApartAndARunningServerIsAsked() {
        CommandRun run = run(
                "ab",
                "One",
                "Two",
                "--url",
                server.url().toString(),
                "--variant",
                "base",
                "--variant",
                "base",
                "--max-tokens",
                "4");
        assertThat(run.err()).isEmpty();
        assertThat(run.code()).isZero();
        assertThat(run.out()).contains("Prompt: One\n", "Prompt: Two\n", "All prompts\n", "base ", "| base#2");
        assertThat(run.out()).containsPattern("base#2 +0\\.000000 +100\\.0% ");
    }

    @Test
    void whatTheServerRefusesIsOneSentence() {
        CommandRun run =
                run("ab", "x", "--url", server.url().toString(), "--variant", "base", "--variant", "base@remove=99");
        assertThat(run.code()).isEqualTo(1);
        assertThat(run.err())
                .startsWith("slayer: variants[1]: ")
                .contains("layer 99")
                .hasLineCount(1);
        assertThat(run.out()).isEmpty();
    }

    @Test
    void theDocumentedRequestGetsTheDocumentedAnswer() throws Exception {
        String docs = Files.readString(Golden.root().resolve("docs/ab.md"));
        Matcher curl = CURL.matcher(docs);
        assertThat(curl.find()).isTrue();
        String answer;
        try (HttpClient http = HttpClient.newHttpClient()) {
            URI uri = server.url().resolve(curl.group(1));
            answer = http.send(
                            HttpRequest.newBuilder(uri)
                                    .header("Content-Type", "application/json")
                                    .POST(HttpRequest.BodyPublishers.ofString(curl.group(2)))
                                    .build(),
                            HttpResponse.BodyHandlers.ofString())
                    .body();
        }
        List<String> expected = events(block(docs, "<!-- stream -->\n```\n"));
        assertThat(events(answer).stream().map(AbCommandTest::shape).toList())
                .as("the events of\n%s", answer)
                .containsExactlyInAnyOrderElementsOf(
                        expected.stream().map(AbCommandTest::shape).toList());
        assertThat(numbers(events(answer).getLast()))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-3 ? 0 : Double.compare(a, b))
                .isEqualTo(numbers(expected.getLast()));
    }

    @Test
    void theDocumentedCommandPrintsWhatIsShown() throws Exception {
        String docs = Files.readString(Golden.root().resolve("docs/ab.md"));
        CommandRun run = run(
                "ab",
                "Q: 17+25=? A:",
                "--variant",
                "base",
                "--variant",
                "base@remove=3",
                "--max-tokens",
                "24",
                "--width",
                "80",
                "--model",
                Golden.checkpoint("slayer-tiny").toString());
        assertThat(docs)
                .contains(
                        "./slayer ab 'Q: 17+25=? A:' --variant base --variant base@remove=3 --max-tokens 24 --width 80");
        String shown = block(docs, "<!-- columns -->\n```\n");
        assertThat(shape(run.out().strip())).as(run.out()).isEqualTo(shape(shown.strip()));
        assertThat(numbers(run.out()))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 2e-3 * Math.max(1, Math.abs(a)) ? 0 : 1)
                .isEqualTo(numbers(shown));
    }

    private static String block(String docs, String begin) {
        assertThat(docs).contains(begin);
        int from = docs.indexOf(begin) + begin.length();
        return docs.substring(from, docs.indexOf("```", from));
    }

    private static List<String> events(String text) {
        return text.lines().filter(line -> line.startsWith("data: {")).toList();
    }

    /** With every fraction replaced: rounding differs from machine to machine. */
    private static String shape(String text) {
        return NUMBER.matcher(text).replaceAll("N").replaceAll(" +", " ");
    }

    private static List<Double> numbers(String text) {
        return NUMBER.matcher(text)
                .results()
                .map(number -> Double.parseDouble(number.group()))
                .toList();
    }
}
