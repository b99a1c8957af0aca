package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

class ApiKeysTest {
    private static final String BODY = "{\"prompt\":\"a\"}";

    @Test
    void anyOfTheKeysOpensTheGuardedRoutes() {
        try (TestServer server = guarded()) {
            for (String path : List.of("/v1/completions", "/m/tiny/v1/completions")) {
                assertThat(server.post(path, BODY, "authorization", "Bearer one")
                                .statusCode())
                        .isEqualTo(200);
                assertThat(server.post(path, BODY, "authorization", "bearer two")
                                .statusCode())
                        .isEqualTo(200);
            }
        }
    }

    @Test
    void everythingElseIsA401() {
        try (TestServer server = guarded()) {
            List<HttpResponse<String>> refused = List.of(
                    server.post("/v1/completions", BODY),
                    server.post("/v1/chat/completions", BODY, "authorization", "Bearer three"),
                    server.post("/v1/completions", BODY, "authorization", "Bearer "),
                    server.post("/v1/completions", BODY, "authorization", "one"),
                    server.post("/v1/completions", BODY, "authorization", "Basic one"),
                    server.post("/m/tiny/v1/completions", BODY),
                    server.post("//v1/./completions", BODY),
                    server.get("/v1/models"),
                    server.get("/v1/models/tiny"));
            assertThat(refused).allSatisfy(response -> {
                assertThat(response.statusCode()).isEqualTo(401);
                assertThat(response.headers().firstValue("www-authenticate")).hasValue("Bearer");
                assertThat(TestServer.json(response).at("/error/code").asText()).isEqualTo("invalid_api_key");
                assertThat(TestServer.json(response).at("/error/type").asText()).isEqualTo("authentication_error");
            });
        }
    }

    @Test
    void tokenizerAndStatusStayOpen() {
        try (TestServer server = guarded()) {
            for (String path : List.of("/health", "/ping", "/version", "/metrics", "/tokenizer_info")) {
                assertThat(server.get(path).statusCode()).as(path).isEqualTo(200);
            }
            assertThat(server.post("/tokenize", BODY).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void anOpenServerTakesAnyToken() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            assertThat(server.post("/v1/completions", BODY, "authorization", "Bearer ")
                            .statusCode())
                    .isEqualTo(200);
            assertThat(server.post("/v1/completions", BODY, "authorization", "Bearer x")
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    private static TestServer guarded() {
        return TestServer.with(StubEngine.saying("x"), settings -> settings.apiKeys = List.of("one", "two"));
    }
}
