package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** No name in a query is ignored where it might have been meant to name another model, or another page. */
class QueryNamesTest {
    private static TestServer server;

    @BeforeAll
    static void open() {
        server = TestServer.with(StubEngine.saying("z"));
    }

    @AfterAll
    static void close() {
        server.close();
    }

    private static JsonNode refused(HttpResponse<String> response) {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        JsonNode error = TestServer.json(response).get("error");
        assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.get("code").asText()).isEqualTo("unknown_parameter");
        return error;
    }

    @ParameterizedTest
    @CsvSource({
        "/v1/completions,'{\"prompt\":\"a\"}'",
        "/v1/chat/completions,'{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}'",
        "/v1/score,'{\"context\":\"a\",\"continuations\":[\"b\"]}'",
        "/v1/perplexity,'{\"text\":\"a\"}'",
        "/v1/embeddings,'{\"input\":\"a\"}'",
        "/v1/ab,'{\"prompt\":\"a\",\"variants\":[\"tiny\"]}'",
        "/tokenize,'{\"prompt\":\"a\"}'",
        "/detokenize,'{\"tokens\":[97]}'"
    })
    void aTypingErrorInTheNameOfAnEditIsNotAnsweredByTheBase(String path, String body) {
        int before = server.engine.seen().size();
        JsonNode error = refused(server.post(path + "?romove=3", body));
        assertThat(error.get("param").asText()).isEqualTo("romove");
        assertThat(error.get("message").asText())
                .contains("'romove'", "insert, remove, skip", "Did you mean 'remove'?");
        refused(server.post(path + "?remove=3&colour=red", body));
        if (!path.equals("/v1/ab")) {
            refused(server.post("/m/tiny" + path + "?romove=3", body));
            HttpResponse<String> fine = server.post(path + "?remove=3&api-version=2024-10-21", body);
            assertThat(fine.statusCode()).as(fine.body()).isEqualTo(200);
            assertThat(server.post(path + "?Remove=3", body).statusCode()).isEqualTo(200);
        }
        assertThat(server.engine.seen().subList(before, server.engine.seen().size()))
                .allSatisfy(request -> assertThat(request.layout().text()).isEqualTo("0-2,4-7"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/v1/models", "/v1/models/tiny", "/tokenizer_info", "/m/tiny/v1/models"})
    void modelsAndTheirTokenizersAreNotThoseOfTheBaseEither(String path) {
        refused(server.get(path + "?remov=3"));
        assertThat(server.get(path + "?remove=3").statusCode()).isEqualTo(200);
    }

    @ParameterizedTest
    @CsvSource({
        "colour,''",
        "layer,layers",
        "LAYER,layers",
        "prest,preset",
        "groupsize,group_size",
        "group,groups",
        "scales,scale",
        "in,init",
        "x,''",
        "api_version,api-version",
        "model,''"
    })
    void aNameThatIsNearIsNamed(String name, String meant) {
        JsonNode error = refused(server.post("/v1/completions?" + name + "=1", "{\"prompt\":\"a\"}"));
        assertThat(error.get("param").asText()).isEqualTo(name);
        if (meant.isEmpty()) {
            assertThat(error.get("message").asText()).doesNotContain("Did you mean");
        } else {
            assertThat(error.get("message").asText()).endsWith("Did you mean '" + meant + "'?");
        }
    }

    @Test
    void aLongNameIsCutInTheAnswer() {
        String name = "remove".repeat(300);
        JsonNode error = refused(server.post("/v1/completions?" + name + "=1", "{\"prompt\":\"a\"}"));
        assertThat(error.get("param").asText()).startsWith("remove").hasSizeLessThan(300);
        assertThat(error.get("message").asText()).hasSizeLessThan(600);
    }

    @Test
    void routesThatHaveNoQueryOrPagesRefuseWhatTheyDoNotKnow() {
        JsonNode error = refused(server.post("/v1/variants?remove=3", "{\"name\":\"short\"}"));
        assertThat(error.get("param").asText()).isEqualTo("remove");
        assertThat(server.get("/v1/variants/short").statusCode()).isEqualTo(404);
        for (String path : List.of("/v1/checkpoints", "/v1/deltas", "/v1/files/file-1", "/v1/fine_tuning/jobs/job-1")) {
            refused(server.get(path + "?limit=3"));
        }
        for (String list : List.of(
                "/v1/files",
                "/v1/fine_tuning/jobs",
                "/v1/fine_tuning/jobs/job-1/events",
                "/v1/fine_tuning/jobs/job-1/checkpoints")) {
            assertThat(refused(server.get(list + "?limt=3")).get("message").asText())
                    .contains("Did you mean 'limit'?");
            // This server trains nothing, but the names are known.
            assertThat(server.get(list + "?limit=3&after=x&order=asc&api-version=1")
                            .statusCode())
                    .isEqualTo(403);
        }
        assertThat(server.get("/v1/fine_tuning/jobs?metadata%5Bwho%5D=me").statusCode())
                .isEqualTo(403);
        assertThat(server.get("/v1/files?purpose=fine-tune").statusCode()).isEqualTo(403);
        refused(server.get("/v1/fine_tuning/jobs?metadata%5Bwho=me"));
        refused(server.get("/v1/files?metadata%5Bwho%5D=me"));
    }

    @Test
    void whoeverWatchesTheServerMayAskAsHeLikes() {
        for (String path : List.of("/health", "/ping", "/version", "/metrics", "/m/tiny/health")) {
            assertThat(server.get(path + "?_=1700000000").statusCode()).isEqualTo(200);
        }
    }

    @Test
    void aKeyIsAskedForBeforeNamesAreLookedAt() {
        try (TestServer closed =
                TestServer.with(StubEngine.saying("z"), settings -> settings.apiKeys = List.of("key"))) {
            assertThat(closed.post("/v1/completions?romove=3", "{}").statusCode())
                    .isEqualTo(401);
        }
    }
}
