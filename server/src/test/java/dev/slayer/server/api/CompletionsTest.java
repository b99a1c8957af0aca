package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.server.engine.Sampling;
import dev.slayer.server.engine.SequenceRequest;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class CompletionsTest {
    private static final String PATH = "/v1/completions";

    @Test
    void answersWithTextUsageAndFinishReason() {
        try (TestServer server = TestServer.with(StubEngine.saying(" world é"))) {
            JsonNode answer = server.ask(PATH, "{\"model\":\"tiny\",\"prompt\":\"Hello\",\"max_tokens\":50}");
            assertThat(answer.at("/object").asText()).isEqualTo("text_completion");
            assertThat(answer.at("/id").asText()).startsWith("cmpl-");
            assertThat(answer.at("/created").asLong()).isGreaterThan(1_700_000_000L);
            assertThat(answer.at("/model").asText()).isEqualTo("tiny");
            assertThat(answer.at("/system_fingerprint").asText()).startsWith("fp_");
            assertThat(answer.at("/choices/0/text").asText()).isEqualTo(" world é");
            assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(answer.at("/choices/0/stop_reason").isNull()).isTrue();
            assertThat(answer.at("/choices/0/logprobs").isNull()).isTrue();
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(6);
            assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(10);
            assertThat(answer.at("/usage/total_tokens").asInt()).isEqualTo(16);
            assertThat(answer.at("/usage/prompt_tokens_details/cached_tokens").asInt())
                    .isZero();
        }
    }

    @Test
    void takesAllFourFormsOfPrompt() {
        try (TestServer server = TestServer.with(StubEngine.saying("!"))) {
            for (String prompt : List.of("\"ab\"", "[97,98]", "[\"ab\"]", "[[97,98]]")) {
                assertThat(server.ask(PATH, "{\"prompt\":" + prompt + "}")
                                .at("/choices/0/text")
                                .asText())
                        .isEqualTo("!");
            }
            assertThat(server.engine.seen().stream().map(SequenceRequest::prompt))
                    .containsExactly(
                            new int[] {StubEngine.BOS, 97, 98},
                            new int[] {97, 98},
                            new int[] {StubEngine.BOS, 97, 98},
                            new int[] {97, 98});
        }
    }

    @Test
    void numbersChoicesByPromptAndAnswerAndCountsEachPromptOnce() {
        try (TestServer server = TestServer.with(StubEngine.saying("xy"))) {
            JsonNode answer = server.ask(
                    PATH, "{\"prompt\":[\"a\",\"bb\",\"ccc\"],\"n\":2,\"seed\":7,\"echo\":true,\"max_tokens\":9}");
            assertThat(answer.at("/choices").findValuesAsText("text"))
                    .containsExactly("axy", "axy", "bbxy", "bbxy", "cccxy", "cccxy");
            assertThat(IntStream.range(0, 6)
                            .map(i -> answer.at("/choices/" + i + "/index").asInt()))
                    .containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(2 + 3 + 4);
            assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(6 * 3);
            assertThat(server.engine.seen().stream()
                            .map(request -> request.sampling().seed()))
                    .containsExactly(
                            OptionalLong.of(7),
                            OptionalLong.of(8),
                            OptionalLong.of(7),
                            OptionalLong.of(8),
                            OptionalLong.of(7),
                            OptionalLong.of(8));
        }
    }

    @Test
    void handsEveryFieldToTheEngine() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, """
                    {"prompt": "a", "temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.2,
                     "presence_penalty": -1, "frequency_penalty": 2, "logit_bias": {"97": -100, "98": 1.5}, "seed": 1234,
                     "stop": ["\\n", "END"], "stop_token_ids": [5, 6], "ignore_eos": true, "min_tokens": 3, "max_tokens": 30,
                     "include_stop_str_in_output": true, "skip_special_tokens": false, "user": "x", "max_gen_toks": 256,
                     "best_of": 1, "suffix": "", "metadata": {"a": 1}}""");
            SequenceRequest request = server.engine.seen().getFirst();
            assertThat(request.sampling())
                    .isEqualTo(new Sampling(
                            0.5, 0.9, 40, 0.1, 1.2, -1, 2, Map.of(97, -100.0, 98, 1.5), OptionalLong.of(1234)));
            assertThat(request.stop().stop()).containsExactly("\n", "END");
            assertThat(request.stop().stopTokenIds()).isEqualTo(Set.of(5, 6));
            assertThat(request.stop().ignoreEos()).isTrue();
            assertThat(request.stop().minTokens()).isEqualTo(3);
            assertThat(request.stop().maxTokens()).isEqualTo(30);
            assertThat(request.stop().includeStop()).isTrue();
            assertThat(request.skipSpecialTokens()).isFalse();
            assertThat(request.model()).isEqualTo("tiny");
        }
    }

    @Test
    void defaultsAreNeutralAndNullMeansAbsent() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(
                    PATH,
                    "{\"prompt\":\"a\",\"seed\":null,\"stop\":null,\"max_tokens\":null,\"logprobs\":null,\"n\":null}");
            server.ask(PATH, "{\"prompt\":\"a\",\"stop\":[]}");
            server.ask(PATH, "{\"prompt\":\"a\",\"stop\":\"z\"}");
            SequenceRequest first = server.engine.seen().getFirst();
            assertThat(first.sampling()).isEqualTo(new Sampling(1, 1, 0, 0, 1, 0, 0, Map.of(), OptionalLong.empty()));
            assertThat(first.stop().maxTokens()).isEqualTo(16);
            assertThat(first.stop().stop()).isEmpty();
            assertThat(server.engine.seen().get(2).stop().stop()).containsExactly("z");
        }
    }

    @Test
    void addsBosToTextUnlessItIsThereOrUnwantedAndNeverToIds() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, "{\"prompt\":\"<s>a\"}");
            server.ask(PATH, "{\"prompt\":\"a\",\"add_special_tokens\":false}");
            assertThat(server.engine.seen().stream().map(SequenceRequest::prompt))
                    .containsExactly(new int[] {StubEngine.BOS, 97}, new int[] {97});
            var warned = server.post(PATH, "{\"prompt\":[97]}");
            assertThat(warned.headers().firstValue("x-slayer-warning"))
                    .hasValueSatisfying(text -> assertThat(text).contains("BOS"));
            var silent = server.post(PATH, "{\"prompt\":[" + StubEngine.BOS + ",97]}");
            assertThat(silent.headers().firstValue("x-slayer-warning")).isEmpty();
        }
    }

    @Test
    void truncatesPromptsFromTheLeftOrTheRight() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, "{\"prompt\":\"abcdef\",\"truncate_prompt_tokens\":2}");
            server.ask(PATH, "{\"prompt\":[1,2,3,4],\"truncate_prompt_tokens\":3,\"truncation_side\":\"right\"}");
            assertThat(server.engine.seen().stream().map(SequenceRequest::prompt))
                    .containsExactly(new int[] {'e', 'f'}, new int[] {1, 2, 3});
        }
    }

    @Test
    void returnsTokenIdsOnRequest() {
        try (TestServer server = TestServer.with(StubEngine.saying("xy"))) {
            JsonNode choice = server.ask(PATH, "{\"prompt\":[97],\"return_token_ids\":true}")
                    .at("/choices/0");
            assertThat(choice.get("prompt_token_ids")).hasToString("[97]");
            assertThat(choice.get("token_ids")).hasToString("[120,121,257]");
        }
    }

    @Test
    void fillsTheContextToTheLastTokenAndNoFurther() {
        try (TestServer server = TestServer.with(StubEngine.endless())) {
            String prompt = "[" + "1,".repeat(4092) + "1]";
            JsonNode full = server.ask(PATH, "{\"prompt\":" + prompt + ",\"max_tokens\":3}");
            assertThat(full.at("/usage/total_tokens").asInt()).isEqualTo(4096);
            assertThat(full.at("/choices/0/finish_reason").asText()).isEqualTo("length");
            JsonNode clipped = server.ask(PATH, "{\"prompt\":" + prompt + "}");
            assertThat(clipped.at("/usage/total_tokens").asInt()).isEqualTo(4096);
            JsonNode error = TestServer.json(server.post(PATH, "{\"prompt\":" + prompt + ",\"max_tokens\":4}"));
            assertThat(error.at("/error/code").asText()).isEqualTo("context_length_exceeded");
            assertThat(error.at("/error/message").asText()).contains("4096").contains("4097");
        }
    }
}
