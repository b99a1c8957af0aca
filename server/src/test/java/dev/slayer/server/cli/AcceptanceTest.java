package dev.slayer.server.cli;

import static dev.slayer.server.cli.LiveServer.body;
import static dev.slayer.server.cli.LiveServer.doubles;
import static dev.slayer.server.cli.LiveServer.echo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.golden.Golden;
import dev.slayer.server.golden.GoldenLayouts;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What clients that score need, over the whole server: checks 1 to 5 of the list that this project accepts itself by. Checks 6, 8 and 9
 * are in {@link AcceptanceWireTest}; 7 is that of the real harness.
 */
@ParameterizedClass
@ValueSource(longs = {0, LiveServer.PREFIX_CACHE})
@Timeout(600)
class AcceptanceTest {
    /** Sums over continuations, against transformers. */
    private static final double REFERENCE = 1e-3;

    /** The same request in other company. */
    private static final double COMPANY = 1e-4;

    private static final List<String> QUESTIONS = List.of(
            "Q: 17+25=? A:",
            "Q: 3+4=? A: 7\nQ: 28+31=? A:",
            "Once upon a time there was",
            "def area(width, height):\n");
    private static final List<String> CHOICES = List.of(" 42", " 7", " a small house", "    return width * height");

    private static LiveServer server;

    /** Memory of the prefix cache. Without one, what is asked for twice is computed twice. */
    @Parameter
    long prefixBytes;

    @BeforeParameterizedClassInvocation
    static void start(long prefixBytes) {
        Map<String, Path> models = new LinkedHashMap<>();
        Golden.CHECKPOINTS.forEach(name -> models.put(name, Golden.checkpoint(name)));
        models.put("b", Golden.checkpoint("random-llama2-b"));
        server = new LiveServer(models, prefixBytes);
    }

    @AfterParameterizedClassInvocation
    static void stop() {
        server.close();
    }

    @Test
    void check1EachFormOfPromptHasOneEntryPerTokenAndOneMoreAndGreedyIsReadFromThem() {
        for (String model : Golden.CHECKPOINTS) {
            List<int[]> ids = QUESTIONS.stream()
                    .map(text -> server.tokenize(model, text, true))
                    .toList();
            assertScored(model, QUESTIONS.getFirst(), ids.subList(0, 1));
            assertScored(model, QUESTIONS.subList(0, 1), ids.subList(0, 1));
            assertScored(model, QUESTIONS, ids);
            assertScored(model, ids.getFirst(), ids.subList(0, 1));
            assertScored(model, ids.subList(0, 1), ids.subList(0, 1));
            assertScored(model, ids, ids);
        }
    }

    private static void assertScored(String model, Object prompt, List<int[]> ids) {
        JsonNode named = server.ask("/v1/completions", echo(model, prompt)).get("choices");
        JsonNode numbered = server.ask("/v1/completions", echo(model, prompt).put("return_tokens_as_token_ids", true))
                .get("choices");
        assertThat(named).hasSameSizeAs(ids);
        for (int i = 0; i < ids.size(); i++) {
            assertThat(named.get(i).get("index").asInt()).isEqualTo(i);
            JsonNode logprobs = named.get(i).get("logprobs");
            int entries = ids.get(i).length + 1;
            for (String column : List.of("tokens", "token_logprobs", "top_logprobs", "text_offset")) {
                assertThat(logprobs.get(column)).as("%s %s", model, column).hasSize(entries);
            }
            assertThat(logprobs.at("/token_logprobs/0").isNull()).isTrue();
            assertThat(logprobs.at("/top_logprobs/0").isNull()).isTrue();
            for (int at = 1; at < entries; at++) {
                JsonNode byId = numbered.at("/" + i + "/logprobs/top_logprobs/" + at);
                String token = numbered.at("/" + i + "/logprobs/tokens/" + at).asText();
                assertThat(byId.has(token)).isTrue();
                double best = Collections.max(LiveServer.values(logprobs.at("/top_logprobs/" + at)));
                double own = logprobs.at("/token_logprobs/" + at).asDouble();
                assertThat(own).isLessThanOrEqualTo(best);
                // Beside the best token the map names the actual one only if that is another.
                assertThat(own == best)
                        .as("%s position %d: %s", model, at, byId)
                        .isEqualTo(byId.size() == 1);
            }
        }
    }

    @Test
    void check2IdsAndTheirTextHaveEqualArraysAndIdsGetNoEntryMore() {
        for (String model : Golden.CHECKPOINTS) {
            for (Golden.Prompt prompt : Golden.prompts(model)) {
                JsonNode text = scores(model, prompt.prompt());
                HttpResponse<String> answer =
                        server.post("/v1/completions", echo(model, prompt.ids()).toString());
                assertThat(answer.headers().firstValue("x-slayer-warning")).isEmpty();
                JsonNode ids = LiveServer.json(answer).at("/choices/0/logprobs");
                assertThat(ids.get("tokens")).isEqualTo(text.get("tokens"));
                // Of ids, Mistral's decoder takes the text's own first space for one that its tokenizer put there.
                if (!model.equals("random-mistral") || !prompt.prompt().startsWith(" ")) {
                    assertThat(ids.get("text_offset")).isEqualTo(text.get("text_offset"));
                }
                assertClose(doubles(ids.get("token_logprobs")), doubles(text.get("token_logprobs")));

                int[] without = Arrays.copyOfRange(prompt.ids(), 1, prompt.ids().length);
                HttpResponse<String> warned =
                        server.post("/v1/completions", echo(model, without).toString());
                assertThat(warned.headers().firstValue("x-slayer-warning").orElseThrow())
                        .contains("BOS");
                JsonNode verbatim = LiveServer.json(warned).at("/choices/0/logprobs");
                assertThat(verbatim.get("token_logprobs")).hasSize(without.length + 1);
                JsonNode plain = server.ask(
                                "/v1/completions", echo(model, prompt.prompt()).put("add_special_tokens", false))
                        .at("/choices/0/logprobs");
                assertThat(plain.get("tokens")).isEqualTo(verbatim.get("tokens"));
                assertClose(doubles(plain.get("token_logprobs")), doubles(verbatim.get("token_logprobs")));
            }
        }
    }

    @Test
    void check3EosAsTheGeneratedTokenHasItsEntry() {
        for (String model : Golden.CHECKPOINTS) {
            String eos = LiveServer.json(server.get("/m/" + model + "/tokenizer_info"))
                    .get("eos_token")
                    .asText();
            int eosId = server.tokenize(model, eos, false)[0];
            int[] ids = server.tokenize(model, QUESTIONS.getFirst(), true);
            ObjectNode body = echo(model, QUESTIONS.getFirst());
            body.putObject("logit_bias").put(Integer.toString(eosId), 100);
            JsonNode choice = server.ask("/v1/completions", body).at("/choices/0");
            assertThat(choice.get("finish_reason").asText()).as(model).isEqualTo("stop");
            assertThat(choice.get("text").asText()).isEqualTo(QUESTIONS.getFirst());
            JsonNode logprobs = choice.get("logprobs");
            assertThat(logprobs.get("token_logprobs")).hasSize(ids.length + 1);
            assertThat(logprobs.get("top_logprobs")).hasSize(ids.length + 1);
            assertThat(logprobs.at("/tokens/" + ids.length).asText()).isEqualTo(eos);
            // The bias chose the token; its score is that of the model.
            JsonNode score = server.ask("/v1/score", score(model, ids, List.of(new int[] {eosId})));
            assertThat(logprobs.at("/token_logprobs/" + ids.length).asDouble())
                    .isCloseTo(score.at("/data/0/continuations/0/logprob").asDouble(), within(COMPANY));
        }
    }

    @Test
    void check4ChoicesHaveTheSameScoresAloneInABatchAndUnderLoad() throws Exception {
        List<String> models = List.of("slayer-tiny", "slayer-tiny@remove=3", "slayer-tiny@insert=5:average");
        List<List<Double>> alone =
                models.stream().map(model -> choices(model, true)).toList();
        for (int i = 0; i < models.size(); i++) {
            assertSameChoices(choices(models.get(i), false), alone.get(i));
        }
        AtomicBoolean over = new AtomicBoolean();
        try (ExecutorService threads = Executors.newFixedThreadPool(9)) {
            List<Future<Integer>> load = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                ObjectNode generation = body().put("model", models.get(i % 3))
                        .put("prompt", QUESTIONS.get(i % 4))
                        .put("max_tokens", 40)
                        .put("seed", i)
                        .put("ignore_eos", true);
                load.add(threads.submit(() -> generateUntil(over, generation)));
            }
            List<Future<List<Double>>> scores = new ArrayList<>();
            for (String model : models) {
                scores.add(threads.submit(() -> choices(model, true)));
            }
            try {
                for (int i = 0; i < models.size(); i++) {
                    assertSameChoices(scores.get(i).get(300, TimeUnit.SECONDS), alone.get(i));
                }
            } finally {
                over.set(true);
            }
            for (Future<Integer> worker : load) {
                assertThat(worker.get(60, TimeUnit.SECONDS)).isPositive();
            }
        }
    }

    @Test
    void check4ScoresFromTheCacheAreTheVerySameAndCounted() {
        int[] context = Golden.prompts("slayer-tiny").stream()
                .filter(prompt -> prompt.name().equals("long"))
                .findFirst()
                .orElseThrow()
                .ids();
        for (String model : List.of("slayer-tiny", "slayer-tiny@remove=5")) {
            ObjectNode request = score(model, context, List.of(new int[] {356, 281}, new int[] {370}));
            JsonNode first = server.ask("/v1/score", request);
            JsonNode second = server.ask("/v1/score", request);
            assertThat(second.get("data")).isEqualTo(first.get("data"));
            int cached = second.at("/usage/prompt_tokens_details/cached_tokens").asInt();
            assertThat(cached).isLessThan(second.at("/usage/prompt_tokens").asInt());
            if (prefixBytes > 0) {
                assertThat(cached).isGreaterThan(context.length);
            } else {
                assertThat(cached).isZero();
            }
        }
    }

    private static int generateUntil(AtomicBoolean over, ObjectNode body) {
        int requests = 0;
        do {
            server.ask("/v1/completions", body);
            requests++;
        } while (!over.get());
        return requests;
    }

    /** Sums of every choice after every question, as the harness computes them, one request each or all in one. */
    private static List<Double> choices(String model, boolean alone) {
        List<int[]> prompts = new ArrayList<>();
        List<Integer> contexts = new ArrayList<>();
        for (String question : QUESTIONS) {
            for (String choice : CHOICES) {
                prompts.add(server.tokenize("slayer-tiny", question + choice, true));
                contexts.add(server.tokenize("slayer-tiny", question, true).length);
            }
        }
        List<JsonNode> logprobs = new ArrayList<>();
        if (alone) {
            prompts.forEach(prompt -> logprobs.add(scores(model, prompt)));
        } else {
            server.ask("/v1/completions", echo(model, prompts))
                    .get("choices")
                    .forEach(choice -> logprobs.add(choice.get("logprobs")));
        }
        return IntStream.range(0, prompts.size())
                .mapToObj(i -> sum(logprobs.get(i), contexts.get(i)))
                .toList();
    }

    /** token_logprobs[ctxlen:-1], summed. */
    private static double sum(JsonNode logprobs, int from) {
        List<Double> values = doubles(logprobs.get("token_logprobs"));
        return values.subList(from, values.size() - 1).stream()
                .mapToDouble(Double::doubleValue)
                .sum();
    }

    private static void assertSameChoices(List<Double> actual, List<Double> expected) {
        assertClose(actual, expected);
        for (int question = 0; question < QUESTIONS.size(); question++) {
            int from = question * CHOICES.size();
            List<Double> mine = actual.subList(from, from + CHOICES.size());
            List<Double> theirs = expected.subList(from, from + CHOICES.size());
            assertThat(ranking(mine)).as("question %d", question).isEqualTo(ranking(theirs));
        }
    }

    private static List<Integer> ranking(List<Double> scores) {
        return IntStream.range(0, scores.size())
                .boxed()
                .sorted((a, b) -> Double.compare(scores.get(b), scores.get(a)))
                .toList();
    }

    @Test
    void check5SumsOverContinuationsAreThoseOfTransformersForEachBase() {
        for (String model : Golden.CHECKPOINTS) {
            for (Golden.Prompt prompt : Golden.prompts(model)) {
                assertSums(model, prompt.ids(), prompt.logprobs());
            }
        }
    }

    @Test
    void check5SumsOverContinuationsAreThoseOfTransformersForEachOfTwelveVariants() {
        for (GoldenLayouts.Case variant : GoldenLayouts.all()) {
            String model = variant.checkpoint() + "@layers=" + variant.layout();
            for (GoldenLayouts.Answer answer : variant.answers()) {
                assertSums(model, answer.ids(), answer.logprobs());
            }
        }
    }

    /** Both ways to a sum, for continuations that begin at the second token, in the middle, and at the last token. */
    private static void assertSums(String model, int[] ids, double[] reference) {
        JsonNode logprobs = scores(model, ids);
        for (int context : new int[] {1, (ids.length + 1) / 2, ids.length - 1}) {
            double expected = Arrays.stream(reference, context, ids.length).sum();
            assertThat(sum(logprobs, context)).as("%s from %d", model, context).isCloseTo(expected, within(REFERENCE));
            int[] continuation = Arrays.copyOfRange(ids, context, ids.length);
            JsonNode scored = server.ask("/v1/score", score(model, Arrays.copyOf(ids, context), List.of(continuation)))
                    .at("/data/0/continuations/0");
            assertThat(scored.get("logprob").asDouble())
                    .as("%s from %d", model, context)
                    .isCloseTo(expected, within(REFERENCE));
            assertThat(LiveServer.ints(scored.get("tokens"))).isEqualTo(continuation);
            assertThat(scored.get("is_greedy").asBoolean()).isEqualTo(greedy(logprobs, context));
        }
    }

    /** As the harness reads it. */
    private static boolean greedy(JsonNode logprobs, int from) {
        return IntStream.range(from, logprobs.get("token_logprobs").size() - 1)
                .allMatch(i -> logprobs.at("/token_logprobs/" + i).asDouble()
                        == Collections.max(LiveServer.values(logprobs.at("/top_logprobs/" + i))));
    }

    private static ObjectNode score(String model, int[] context, List<int[]> continuations) {
        ObjectNode body = body().put("model", model).put("add_special_tokens", false);
        body.set("context", LiveServer.JSON.valueToTree(context));
        ArrayNode list = body.putArray("continuations");
        continuations.forEach(continuation -> list.add(LiveServer.JSON.<JsonNode>valueToTree(continuation)));
        return body;
    }

    private static JsonNode scores(String model, Object prompt) {
        return server.ask("/v1/completions", echo(model, prompt)).at("/choices/0/logprobs");
    }

    private static void assertClose(List<Double> actual, List<Double> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.size(); i++) {
            if (!expected.get(i).isNaN()) {
                assertThat(actual.get(i)).as("entry %d", i).isCloseTo(expected.get(i), within(COMPANY));
            }
        }
    }
}
