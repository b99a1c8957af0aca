package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import org.junit.jupiter.api.Test;

class TokenizeTest {
    @Test
    void tokenizesTextWithOrWithoutSpecialTokens() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode answer = server.ask("/tokenize", "{\"prompt\":\"ab\",\"return_token_strs\":true}");
            assertThat(answer)
                    .hasToString("{\"count\":3,\"max_model_len\":4096,\"tokens\":[256,97,98],"
                            + "\"token_strs\":[\"<s>\",\"<0x61>\",\"<0x62>\"]}");
            assertThat(server.ask("/tokenize", "{\"prompt\":\"ab\",\"add_special_tokens\":false}")
                            .get("tokens"))
                    .hasToString("[97,98]");
            assertThat(server.ask("/tokenize", "{\"prompt\":\"</s>\",\"add_special_tokens\":false}")
                            .get("tokens"))
                    .hasToString("[257]");
        }
    }

    @Test
    void tokenizesConversations() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            String messages = "{\"messages\":[{\"role\":\"user\",\"content\":\"q\"}]}";
            JsonNode tokens = server.ask("/m/tiny/tokenize", messages).get("tokens");
            server.ask("/v1/chat/completions", messages);
            assertThat(tokens).hasSize(server.engine.seen().getFirst().prompt().length);
        }
    }

    @Test
    void detokenizesIds() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            assertThat(server.ask("/detokenize", "{\"tokens\":[256,195,169,97]}"))
                    .hasToString("{\"prompt\":\"<s>éa\"}");
            JsonNode error = TestServer.json(server.post("/detokenize", "{\"tokens\":[1,9999]}"));
            assertThat(error.at("/error/param").asText()).isEqualTo("tokens[1]");
        }
    }

    @Test
    void tellsAboutTheTokenizer() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode info = TestServer.json(server.get("/tokenizer_info"));
            assertThat(info.get("eos_token").asText()).isEqualTo("</s>");
            assertThat(info.get("bos_token").asText()).isEqualTo("<s>");
            assertThat(info.has("chat_template")).isTrue();
        }
    }

    @Test
    void aLongTextIsTokenizedWhole() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            String text = "0123456789".repeat(90_000);
            assertThat(server.ask("/tokenize", "{\"prompt\":\"" + text + "\"}")
                            .get("count")
                            .asInt())
                    .isEqualTo(900_001);
        }
    }
}
