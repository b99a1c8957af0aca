package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What POST /v1/ab finds out, against a naive twin in double. */
class AbTest {
    private static final String TWO = "\"variants\":[\"tiny\",\"tiny@remove=3\"]";
    private static final String ALL = "0-7";
    private static final String CUT = "0-2,4-7";
    private static final int VOCABULARY = StubEngine.CONFIG.vocabularySize();

    private final AbServer server = new AbServer();

    @AfterEach
    void close() {
        server.close();
    }

    /** Log-probabilities of what comes after a token, naively and in double. */
    private static double[] twin(String layout, int token) {
        float[] logits = LayoutRunner.logits(VOCABULARY, layout, token);
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        double[] logprobs = new double[VOCABULARY];
        for (int i = 0; i < VOCABULARY; i++) {
            logprobs[i] = logits[i] - Math.log(sum);
        }
        return logprobs;
    }

    private static double naiveKl(double[] reference, double[] other) {
        double sum = 0;
        for (int i = 0; i < reference.length; i++) {
            sum += Math.exp(reference[i]) * (reference[i] - other[i]);
        }
        return sum;
    }

    private static int top(double[] logprobs) {
        int best = 0;
        for (int i = 1; i < logprobs.length; i++) {
            best = logprobs[i] > logprobs[best] ? i : best;
        }
        return best;
    }

    @Test
    void everyTokenHasItsLogProbabilityUnderEveryVariantAndTheSummaryIsThatOfTheNaiveTwin() {
        List<JsonNode> events =
                server.stream("{\"prompts\":\"hello\"," + TWO + ",\"sampling\":{\"temperature\":0,\"max_tokens\":40}}");
        assertThat(AbServer.of(events, "failure")).isEmpty();
        List<JsonNode> answers = AbServer.of(events, "answer");
        assertThat(answers).hasSize(2);
        for (JsonNode answer : answers) {
            String author = answer.get("variant").asText();
            assertThat(answer.get("prompt").asInt()).isZero();
            assertThat(answer.get("finish_reason").asText()).isEqualTo("length");
            assertThat(answer.get("tokens")).hasSize(40);
            int before = 'o';
            StringBuilder text = new StringBuilder();
            for (JsonNode token : answer.get("tokens")) {
                int id = token.get("token").asInt();
                assertThat(token.get("logprobs").size()).isEqualTo(2);
                assertThat(token.get("logprobs").get("tiny").asDouble()).isCloseTo(twin(ALL, before)[id], within(1e-4));
                assertThat(token.get("logprobs").get("tiny@remove=3").asDouble())
                        .isCloseTo(twin(CUT, before)[id], within(1e-4));
                assertThat(id)
                        .as("%s is greedy", author)
                        .isEqualTo(top(twin(author.equals("tiny") ? ALL : CUT, before)));
                text.append(token.get("text").asText());
                before = id;
            }
            assertThat(answer.get("text").asText()).hasToString(text.toString());
            List<JsonNode> tokens = AbServer.of(events, "token").stream()
                    .filter(token -> token.get("variant").asText().equals(author))
                    .toList();
            assertThat(tokens).hasSize(40);
            for (int i = 0; i < 40; i++) {
                JsonNode scored = answer.get("tokens").get(i);
                assertThat(tokens.get(i).get("token")).isEqualTo(scored.get("token"));
                assertThat(tokens.get(i).get("logprob").asDouble())
                        .isCloseTo(scored.get("logprobs").get(author).asDouble(), within(1e-6));
            }
        }
        assertSummary(
                events,
                answers.stream()
                        .filter(a -> a.get("variant").asText().equals("tiny"))
                        .findFirst()
                        .orElseThrow());
        server.awaitNothingRuns();
    }

    private static void assertSummary(List<JsonNode> events, JsonNode answer) {
        List<JsonNode> summaries = AbServer.of(events, "summary");
        assertThat(summaries).hasSize(2);
        assertThat(events.getLast()).isEqualTo(summaries.getLast());
        JsonNode one = summaries.getFirst();
        assertThat(one.get("prompt").asInt()).isZero();
        assertThat(one.get("reference").asText()).isEqualTo("tiny");
        assertThat(one.get("reference_layout").asText()).isEqualTo(ALL);
        assertThat(one.get("variants")).hasSize(1);
        JsonNode distance = one.get("variants").get(0);
        assertThat(distance.get("variant").asText()).isEqualTo("tiny@remove=3");
        assertThat(distance.get("layout").asText()).isEqualTo(CUT);
        assertThat(distance.get("kl")).hasSize(40);
        int before = 'o';
        double sumKl = 0;
        double sum = 0;
        double referenceSum = 0;
        int agreements = 0;
        for (int i = 0; i < 40; i++) {
            double[] reference = twin(ALL, before);
            double[] other = twin(CUT, before);
            double kl = naiveKl(reference, other);
            assertThat(distance.get("kl").get(i).asDouble()).isCloseTo(kl, within(1e-6));
            sumKl += kl;
            agreements += top(reference) == top(other) ? 1 : 0;
            before = answer.get("tokens").get(i).get("token").asInt();
            sum += other[before];
            referenceSum += reference[before];
        }
        assertThat(agreements).isBetween(1, 39);
        assertThat(distance.get("mean_kl").asDouble()).isCloseTo(sumKl / 40, within(1e-6));
        assertThat(distance.get("top1_agreement").asDouble()).isEqualTo(agreements / 40.0);
        double perplexity = Math.exp(-sum / 40);
        double referencePerplexity = Math.exp(-referenceSum / 40);
        assertThat(distance.get("perplexity").asDouble()).isCloseTo(perplexity, within(1e-4));
        assertThat(distance.get("reference_perplexity").asDouble()).isCloseTo(referencePerplexity, within(1e-4));
        assertThat(distance.get("perplexity_difference").asDouble())
                .isCloseTo(perplexity - referencePerplexity, within(1e-4));
        JsonNode all = summaries.getLast();
        assertThat(all.get("prompt").isNull()).isTrue();
        assertThat(all.get("variants").get(0).has("kl")).isFalse();
        assertThat(all.get("variants").get(0).get("mean_kl")).isEqualTo(distance.get("mean_kl"));
    }

    @Test
    void aModelDoesNotDifferFromItself() {
        List<JsonNode> events =
                server.stream("{\"prompts\":[\"ab\"],\"variants\":[\"base\",\"base\"],\"seed\":7,\"max_tokens\":30}");
        JsonNode distance =
                AbServer.of(events, "summary").getFirst().get("variants").get(0);
        assertThat(distance.get("variant").asText()).isEqualTo("base#2");
        for (JsonNode kl : distance.get("kl")) {
            assertThat(kl.asDouble()).isZero();
        }
        assertThat(distance.get("top1_agreement").asDouble()).isEqualTo(1);
        assertThat(distance.get("perplexity_difference").asDouble()).isZero();
        List<JsonNode> answers = AbServer.of(events, "answer");
        assertThat(answers.get(0).get("text"))
                .as("one seed, one answer")
                .isEqualTo(answers.get(1).get("text"));
    }

    @Test
    void promptsComeOneAfterAnotherAndTheLastSummaryIsOfAll() {
        List<JsonNode> events = server.stream(
                "{\"prompts\":[\"one\",\"two\",\"three\"]," + TWO + ",\"temperature\":0,\"max_tokens\":5}");
        List<Integer> order = events.stream()
                .filter(event -> !event.get("prompt").isNull())
                .map(event -> event.get("prompt").asInt())
                .toList();
        assertThat(order).isSorted().contains(0, 1, 2);
        List<JsonNode> summaries = AbServer.of(events, "summary");
        assertThat(summaries).hasSize(4);
        double mean = summaries.stream()
                .limit(3)
                .mapToDouble(
                        summary -> summary.get("variants").get(0).get("mean_kl").asDouble())
                .average()
                .orElseThrow();
        JsonNode all = summaries.getLast().get("variants").get(0);
        assertThat(all.get("tokens").asInt()).isEqualTo(15);
        assertThat(all.get("mean_kl").asDouble()).isCloseTo(mean, within(1e-9));
    }

    @Test
    void withoutAStreamTheSameComesAsOneObject() {
        String fields = "\"prompts\":[\"x\",\"y\"]," + TWO + ",\"temperature\":0,\"max_tokens\":6";
        List<JsonNode> events = server.stream("{" + fields + "}");
        JsonNode whole = TestServer.json(server.post("{" + fields + ",\"stream\":false}"));
        assertThat(whole.get("object").asText()).isEqualTo("ab");
        assertThat(whole.get("failures")).isEmpty();
        for (String type : List.of("answer", "summary")) {
            ArrayNode streamed = Json.MAPPER.createArrayNode();
            AbServer.of(events, type).forEach(event -> streamed.add(((ObjectNode) event.deepCopy()).without("type")));
            assertThat(whole.get(type.equals("answer") ? "answers" : "summaries"))
                    .containsExactlyInAnyOrderElementsOf(streamed);
        }
    }
}
