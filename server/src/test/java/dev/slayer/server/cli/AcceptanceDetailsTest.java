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
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What of a scoring answer other servers got wrong: keys that collide, offsets, values that JSON cannot carry, windows. */
@Timeout(600)
class AcceptanceDetailsTest {
    private static final String BROKEN = "broken";
    private static final String EXTREME = "extreme";
    private static LiveServer server;

    @BeforeAll
    static void start(@TempDir Path temporary) throws Exception {
        Map<String, Path> models = new LinkedHashMap<>();
        Golden.CHECKPOINTS.forEach(name -> models.put(name, Golden.checkpoint(name)));
        models.put(
                BROKEN,
                ChangedCheckpoint.of("random-mistral", temporary.resolve(BROKEN))
                        .fill("model.norm.weight", 0, 1, Float.NaN));
        // The logit of token 5 is far away from all others, on either side.
        models.put(
                EXTREME,
                ChangedCheckpoint.of("random-mistral", temporary.resolve(EXTREME))
                        .fill("lm_head.weight", 5, 1, 1e30f));
        server = new LiveServer(models);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode logprobs(ObjectNode request) {
        return server.ask("/v1/completions", request).at("/choices/0/logprobs");
    }

    @Test
    void twoTokensOfOneTextKeepTheLargerValueAndTellApartById() {
        int[] prompt = server.tokenize("slayer-tiny", "Q: 17+25=? A: ", true);
        int four = server.tokenize("slayer-tiny", "a4", false)[1];
        int byteOfFour = byteToken("slayer-tiny", '4');
        int[] ids = Arrays.copyOf(prompt, prompt.length + 1);
        ids[prompt.length] = byteOfFour;
        String at = "/top_logprobs/" + prompt.length;
        JsonNode named = logprobs(echo("slayer-tiny", ids));
        JsonNode numbered = logprobs(echo("slayer-tiny", ids).put("return_tokens_as_token_ids", true));
        double actual = named.at("/token_logprobs/" + prompt.length).asDouble();
        double best = numbered.at(at).get("token_id:" + four).asDouble();
        assertThat(numbered.at(at).get("token_id:" + byteOfFour).asDouble()).isEqualTo(actual);
        assertThat(best).isGreaterThan(actual);
        assertThat(named.at("/tokens/" + prompt.length).asText()).isEqualTo("4");
        assertThat(LiveServer.values(named.at(at))).containsExactly(best);
        assertThat(named.at(at).get("4").asDouble()).isEqualTo(best);
    }

    /** The id of the entry that stands for a byte. */
    private static int byteToken(String model, int value) {
        String entry = "<0x%02X>".formatted(value);
        return Golden.read("test-data/" + model + "/tokenizer.json")
                .at("/model/vocab")
                .get(entry)
                .asInt();
    }

    @Test
    void zeroToTwentyTopTokensAreNamedBesideTheActualOneInTheirOrder() {
        int[] ids = Golden.prompts("slayer-tiny").getFirst().ids();
        for (int top = 0; top <= 20; top++) {
            ObjectNode request = echo("slayer-tiny", ids).put("logprobs", top).put("return_tokens_as_token_ids", true);
            JsonNode logprobs = logprobs(request);
            for (int i = 1; i <= ids.length; i++) {
                JsonNode map = logprobs.at("/top_logprobs/" + i);
                List<Double> values = LiveServer.values(map);
                List<Double> ranked = values.subList(0, top);
                assertThat(ranked).isSortedAccordingTo(Collections.reverseOrder());
                assertThat(values.size()).isBetween(Math.max(1, top), top + 1);
                String token = logprobs.at("/tokens/" + i).asText();
                assertThat(map.get(token)).isEqualTo(logprobs.at("/token_logprobs/" + i));
            }
        }
        HttpResponse<String> refused = server.post(
                "/v1/completions", echo("slayer-tiny", ids).put("logprobs", 21).toString());
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat(refused.body()).contains("0 to 20");
    }

    @Test
    void offsetsPointAtEachTokensTextWithBytesOfOneCharacterAndWithoutTheSpaceThatIsDropped() {
        for (String model : Golden.CHECKPOINTS) {
            for (Golden.Prompt prompt : Golden.prompts(model)) {
                JsonNode choice = server.ask(
                                "/v1/completions", echo(model, prompt.prompt()).put("max_tokens", 0))
                        .at("/choices/0");
                String text = choice.get("text").asText();
                assertThat(text).isEqualTo(prompt.prompt());
                int[] offsets = LiveServer.ints(choice.at("/logprobs/text_offset"));
                assertThat(offsets).hasSize(prompt.ids().length).isSorted().startsWith(0, 0);
                // Llama-2's normalizer puts a space before every text, Mistral's only before those that have none.
                boolean spaced = prompt.prompt().startsWith(" ");
                boolean dropsSpace = model.equals("random-llama2") || (model.equals("random-mistral") && !spaced);
                for (int i = 1; i < offsets.length; i++) {
                    String token = choice.at("/logprobs/tokens/" + i).asText();
                    if (token.startsWith("bytes:")) {
                        continue;
                    }
                    String shown = i == 1 && dropsSpace ? token.substring(1) : token;
                    assertThat(text.substring(text.offsetByCodePoints(0, offsets[i])))
                            .as("%s %s, token %d", model, prompt.name(), i)
                            .startsWith(shown);
                }
            }
        }
    }

    @Test
    void bytesOfOneCharacterShareItsPlace() {
        JsonNode logprobs = logprobs(echo("random-llama2", "a\u2603b").put("max_tokens", 0));
        assertThat(logprobs.get("tokens"))
                .hasToString("[\"<s>\",\" a\",\"bytes:\\\\xE2\",\"bytes:\\\\x98\",\"bytes:\\\\x83\",\"b\"]");
        assertThat(LiveServer.ints(logprobs.get("text_offset"))).containsExactly(0, 0, 1, 2, 2, 2);
    }

    @Test
    void aModelThatComputesNaNFailsWith500AndTheOthersGoOn() {
        for (String path : List.of("/v1/completions", "/v1/score", "/v1/perplexity")) {
            ObjectNode request = path.endsWith("completions")
                    ? echo(BROKEN, "a text")
                    : body().put("model", BROKEN).put("context", "a").put("text", "a text");
            request.putArray("continuations").add(" text");
            if (path.endsWith("score")) {
                request.remove("text");
            }
            HttpResponse<String> failed = server.post(path, request.toString());
            assertThat(failed.statusCode()).as(path + failed.body()).isEqualTo(500);
            assertThat(failed.body()).contains("\"error\"").doesNotContain("-9999");
        }
        assertThat(logprobs(echo("slayer-tiny", "a text")).get("tokens")).isNotEmpty();
    }

    @Test
    void logProbabilitiesBelowWhatJsonShouldCarryAreClamped() {
        int[] ids = Golden.prompts("random-mistral").getFirst().ids();
        JsonNode logprobs = logprobs(echo(EXTREME, ids));
        List<Double> values = doubles(logprobs.get("token_logprobs")).subList(1, ids.length);
        assertThat(values).allMatch(value -> value >= -9999).contains(-9999.0);
        JsonNode score = server.ask(
                        "/v1/score", score(EXTREME, Arrays.copyOf(ids, 1), Arrays.copyOfRange(ids, 1, ids.length)))
                .at("/data/0/continuations/0");
        assertThat(doubles(score.get("token_logprobs"))).isEqualTo(values);
        assertThat(score.get("logprob").asDouble())
                .isCloseTo(values.stream().mapToDouble(Double::doubleValue).sum(), within(1e-2));
    }

    private static ObjectNode score(String model, int[] context, int[] continuation) {
        ObjectNode body = body().put("model", model);
        body.set("context", LiveServer.JSON.valueToTree(context));
        ArrayNode list = body.putArray("continuations");
        list.add(LiveServer.JSON.<JsonNode>valueToTree(continuation));
        return body;
    }

    @Test
    void aTextInOneWindowHasTheLogLikelihoodThatTransformersComputes() {
        for (String model : Golden.CHECKPOINTS) {
            for (Golden.Prompt prompt : Golden.prompts(model)) {
                double expected = Arrays.stream(prompt.logprobs()).skip(1).sum();
                JsonNode data = server.ask(
                                "/v1/perplexity", body().put("model", model).put("text", prompt.prompt()))
                        .at("/data/0");
                assertThat(data.get("logprob").asDouble())
                        .as("%s, %s", model, prompt.name())
                        .isCloseTo(expected, within(1e-3));
                int tokens = prompt.ids().length - 1;
                assertThat(data.get("scored_tokens").asInt()).isEqualTo(tokens);
                assertThat(data.get("perplexity").asDouble())
                        .isCloseTo(Math.exp(-expected / tokens), within(Math.exp(-expected / tokens) * 1e-3));
            }
        }
    }

    @Test
    void aTextInManyWindowsHasTheSumOfWhatEachWindowHasAlone() {
        String model = "slayer-tiny@remove=3";
        int[] all = Golden.prompts("slayer-tiny").stream()
                .filter(prompt -> prompt.name().equals("long"))
                .findFirst()
                .orElseThrow()
                .ids();
        int size = 63;
        int stride = 20;
        double expected = 0;
        int done = size; // of all, BOS included
        expected += sum(model, all, 0, 1, size);
        while (done < all.length) {
            int end = Math.min(done + stride, all.length);
            expected += sum(model, all, end - size, done, end);
            done = end;
        }
        ObjectNode request =
                body().put("model", model).put("max_length", size + 1).put("stride", stride);
        request.set("tokens", LiveServer.JSON.valueToTree(all));
        JsonNode data = server.ask("/v1/perplexity", request).at("/data/0");
        assertThat(data.get("scored_tokens").asInt()).isEqualTo(all.length - 1);
        assertThat(data.get("logprob").asDouble()).isCloseTo(expected, within(1e-2));
    }

    /** Of the tokens from one place to another after those before them, by the echo of a completion. */
    private static double sum(String model, int[] all, int begin, int from, int end) {
        List<Double> logprobs = doubles(
                logprobs(echo(model, Arrays.copyOfRange(all, begin, end))).get("token_logprobs"));
        return logprobs.subList(from - begin, end - begin).stream()
                .mapToDouble(Double::doubleValue)
                .sum();
    }
}
