package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import org.junit.jupiter.api.Test;

class CorsTest {
    @Test
    void preflightsAllowWhatTheOpenAiClientsSendAndNeedNoKey() {
        try (TestServer server =
                TestServer.with(StubEngine.saying("x"), settings -> settings.apiKeys = List.of("secret"))) {
            String headers = "authorization, content-type, x-stainless-lang, x-stainless-retry-count";
            HttpResponse<String> response = preflight(server, "https://app.example", headers);
            assertThat(response.statusCode()).isEqualTo(204);
            assertThat(header(response, "access-control-allow-origin")).isEqualTo("*");
            assertThat(header(response, "access-control-allow-headers")).isEqualTo(headers);
            assertThat(header(response, "access-control-allow-methods")).contains("POST");
            assertThat(response.headers().firstValue("access-control-allow-credentials"))
                    .isEmpty();
        }
    }

    @Test
    void answersAndErrorsCarryTheOrigin() {
        try (TestServer server = TestServer.with(StubEngine.saying("x"))) {
            HttpResponse<String> answer =
                    server.post("/v1/completions", "{\"prompt\":\"a\"}", "origin", "https://app.example");
            assertThat(header(answer, "access-control-allow-origin")).isEqualTo("*");
            assertThat(header(answer, "access-control-expose-headers")).contains("x-request-id");
            HttpResponse<String> error = server.post("/v1/completions", "{", "origin", "https://app.example");
            assertThat(header(error, "access-control-allow-origin")).isEqualTo("*");
        }
    }

    @Test
    void onlyListedOriginsAreAllowed() {
        try (TestServer server = TestServer.with(
                StubEngine.saying("x"), settings -> settings.corsOrigins = List.of("https://good.example"))) {
            HttpResponse<String> good = preflight(server, "https://good.example", "content-type");
            assertThat(header(good, "access-control-allow-origin")).isEqualTo("https://good.example");
            assertThat(header(good, "vary")).isEqualTo("origin");
            HttpResponse<String> bad = preflight(server, "https://bad.example", "content-type");
            assertThat(bad.headers().firstValue("access-control-allow-origin")).isEmpty();
            assertThat(header(bad, "vary")).isEqualTo("origin");
            assertThat(header(server.get("/health"), "vary")).isEqualTo("origin");
        }
    }

    private static HttpResponse<String> preflight(TestServer server, String origin, String headers) {
        return server.send(server.request(
                        "/v1/chat/completions",
                        "origin",
                        origin,
                        "access-control-request-method",
                        "POST",
                        "access-control-request-headers",
                        headers)
                .method("OPTIONS", HttpRequest.BodyPublishers.noBody()));
    }

    private static String header(HttpResponse<String> response, String name) {
        return response.headers().firstValue(name).orElse("none");
    }
}
