package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

class ChatTest {
    private static final String PATH = "/v1/chat/completions";

    @Test
    void answersWithAMessage() {
        try (TestServer server = TestServer.with(StubEngine.saying("Hi!"))) {
            JsonNode answer = server.ask(PATH, body("{\"role\":\"user\",\"content\":\"Hello\"}", ""));
            assertThat(answer.at("/object").asText()).isEqualTo("chat.completion");
            assertThat(answer.at("/id").asText()).startsWith("chatcmpl-");
            assertThat(answer.at("/choices/0/message"))
                    .hasToString("{\"role\":\"assistant\",\"content\":\"Hi!\",\"refusal\":null}");
            assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo("stop");
            assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(4);
            assertThat(prompt(server)).isEqualTo("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n");
        }
    }

    @Test
    void theAnswerMayFillTheRestOfTheContext() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, body("{\"role\":\"user\",\"content\":\"q\"}", ""));
            server.ask(
                    PATH,
                    body("{\"role\":\"user\",\"content\":\"q\"}", ",\"max_tokens\":9,\"max_completion_tokens\":5"));
            var first = server.engine.seen().getFirst();
            assertThat(first.stop().maxTokens()).isEqualTo(4096 - first.prompt().length);
            assertThat(server.engine.seen().get(1).stop().maxTokens()).isEqualTo(5);
        }
    }

    @Test
    void joinsTextPartsAndIgnoresUnknownKeys() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, body("""
                            {"role":"system","content":"S","type":"text"},
                            {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"me"}""", ",\"store\":true,\"reasoning_effort\":\"low\",\"parallel_tool_calls\":false"));
            assertThat(prompt(server))
                    .isEqualTo(
                            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na\nb<|im_end|>\n<|im_start|>assistant\n");
        }
    }

    @Test
    void continuesATrailingAssistantMessageUnlessANewTurnIsAskedFor() {
        String turns = "{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":\"The answer\"}";
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, body(turns, ""));
            assertThat(prompt(server)).endsWith("assistant\nThe answer");
            server.ask(PATH, body(turns, ",\"add_generation_prompt\":true"));
            assertThat(prompt(server)).endsWith("The answer<|im_end|>\n<|im_start|>assistant\n");
            server.ask(PATH, body(turns, ",\"continue_final_message\":true,\"add_generation_prompt\":false"));
            assertThat(prompt(server)).endsWith("assistant\nThe answer");
            server.ask(PATH, body(turns, ",\"continue_final_message\":false"));
            assertThat(prompt(server)).endsWith("The answer<|im_end|>\n<|im_start|>assistant\n");
            HttpResponse<String> both =
                    server.post(PATH, body(turns, ",\"continue_final_message\":true,\"add_generation_prompt\":true"));
            assertThat(both.statusCode()).isEqualTo(400);
        }
    }

    @Test
    void emptyContentOfAnAssistantOpensANewTurn() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(
                    PATH, body("{\"role\":\"user\",\"content\":\"q\"},{\"role\":\"assistant\",\"content\":null}", ""));
            assertThat(prompt(server)).endsWith("<|im_start|>assistant\n");
        }
    }

    @Test
    void templatesSeeTheirVariablesAndTools() {
        String turn = "{\"role\":\"user\",\"content\":\"q\"}";
        String tools = ",\"tools\":[{\"type\":\"function\"}],\"chat_template_kwargs\":{\"deep\":true}";
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            server.ask(PATH, body(turn, tools));
            assertThat(prompt(server)).startsWith("{deep=true, tools=[{type=function}]}\n");
            server.ask(PATH, body(turn, tools + ",\"tool_choice\":\"none\""));
            assertThat(prompt(server)).startsWith("{deep=true}\n");
        }
    }

    @Test
    void returnsTokenIdsBesideTheChoices() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode answer = server.ask(
                    PATH,
                    body("{\"role\":\"user\",\"content\":\"q\"}", ",\"return_token_ids\":true,\"prompt_logprobs\":0"));
            assertThat(answer.at("/prompt_token_ids"))
                    .hasSize(server.engine.seen().getFirst().prompt().length);
            assertThat(answer.at("/prompt_logprobs")).hasSameSizeAs(answer.at("/prompt_token_ids"));
            assertThat(answer.at("/choices/0/token_ids")).hasToString("[120,257]");
        }
    }

    private static String body(String messages, String more) {
        return "{\"messages\":[" + messages + "]" + more + "}";
    }

    private static String prompt(TestServer server) {
        return StubEngine.TOKENIZER.decode(server.engine.seen().getLast().prompt(), false);
    }
}
