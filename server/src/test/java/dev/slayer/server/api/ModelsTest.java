package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.slayer.surgery.SlayerException;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

class ModelsTest {
    @Test
    void listsAndDescribesModels() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            JsonNode list = TestServer.json(server.get("/v1/models"));
            assertThat(list.get("object").asText()).isEqualTo("list");
            assertThat(list.get("data").findValuesAsText("id")).containsExactly("tiny", "org/other");
            JsonNode model = list.at("/data/0");
            assertThat(model.get("object").asText()).isEqualTo("model");
            assertThat(model.get("created").asLong()).isEqualTo(1_700_000_000);
            assertThat(model.get("max_model_len").asInt()).isEqualTo(4096);
            assertThat(model.get("parent").isNull()).isTrue();
            assertThat(TestServer.json(server.get("/v1/models/tiny"))).isEqualTo(model);
        }
    }

    @Test
    void idsInPathsAreDecodedAfterRouting() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            assertThat(TestServer.json(server.get("/v1/models/org%2Fother"))
                            .get("id")
                            .asText())
                    .isEqualTo("org/other");
            assertThat(TestServer.json(server.get("/m/org%2Fother/v1/models"))
                            .at("/data/0/id")
                            .asText())
                    .isEqualTo("org/other");
            JsonNode answer = server.ask("/m/org%2Fother/v1/completions", "{\"model\":\"whatever\",\"prompt\":\"a\"}");
            assertThat(answer.get("model").asText()).isEqualTo("org/other");
            assertThat(server.get("/m/org%2Fother/tokenizer_info").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aMissingOrEmptyModelIsTheFirstOneAndANumberIsAName() {
        try (TestServer server =
                TestServer.with(StubEngine.saying("x"), settings -> settings.models.add(TestServer.model("123")))) {
            for (String model : List.of("", "\"model\":\"\",", "\"model\":null,")) {
                assertThat(server.ask("/v1/completions", "{" + model + "\"prompt\":\"a\"}")
                                .get("model")
                                .asText())
                        .isEqualTo("tiny");
            }
            assertThat(server.ask("/v1/completions", "{\"model\":123,\"prompt\":\"a\"}")
                            .get("model")
                            .asText())
                    .isEqualTo("123");
        }
    }

    @Test
    void anUnknownModelIsA404ThatListsWhatThereIs() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            List<HttpResponse<String>> responses = List.of(
                    server.get("/v1/models/gpt"),
                    server.get("/m/gpt/v1/models"),
                    server.post("/v1/completions", "{\"model\":\"gpt\",\"prompt\":\"a\"}"),
                    server.post("/m/gpt/v1/chat/completions", "{}"),
                    server.post("/tokenize", "{\"model\":\"gpt\",\"prompt\":\"a\"}"));
            assertThat(responses).allSatisfy(response -> {
                assertThat(response.statusCode()).isEqualTo(404);
                JsonNode error = TestServer.json(response).get("error");
                assertThat(error.get("code").asText()).isEqualTo("model_not_found");
                assertThat(error.get("param").asText()).isEqualTo("model");
                assertThat(error.get("message").asText()).contains("'gpt'").contains("tiny, org/other");
            });
        }
    }

    @Test
    void theTableChangesWhileItServes() {
        ModelDirectory models = ModelDirectory.of(List.of(TestServer.model("a")));
        models.publish(TestServer.model("b"));
        assertThat(models.models()).extracting(ServedModel::name).containsExactly("a", "b");
        models.withdraw("a");
        assertThat(models.resolve("").name()).isEqualTo("b");
        assertThatThrownBy(() -> models.resolve("a")).isInstanceOf(SlayerException.class);
        assertThatThrownBy(() -> ModelDirectory.of(List.of(TestServer.model("a"), TestServer.model("a"))))
                .hasMessageContaining("Two models are called 'a'");
    }
}
