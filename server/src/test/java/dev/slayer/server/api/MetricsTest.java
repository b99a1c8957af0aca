package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

class MetricsTest {
    @Test
    void countsTokensLatenciesAndReasonsPerModel() {
        try (TestServer server = TestServer.with(StubEngine.saying("abc"))) {
            server.ask("/v1/completions", "{\"prompt\":[1,2,3,4,5],\"max_tokens\":9}");
            server.ask("/v1/completions", "{\"prompt\":[1,2],\"max_tokens\":2,\"n\":2}");
            String metrics = server.get("/metrics").body();
            assertThat(metrics)
                    .contains("slayer_prompt_tokens_total{model_name=\"tiny\"} 9.0")
                    .contains("slayer_generation_tokens_total{model_name=\"tiny\"} 8.0")
                    .contains("slayer_request_success_total{finished_reason=\"stop\",model_name=\"tiny\"} 1.0")
                    .contains("slayer_request_success_total{finished_reason=\"length\",model_name=\"tiny\"} 2.0")
                    .contains("slayer_time_to_first_token_seconds_count{model_name=\"tiny\"} 3")
                    .contains("slayer_inter_token_latency_seconds_count{model_name=\"tiny\"} 5")
                    .contains("slayer_e2e_request_latency_seconds_count{model_name=\"tiny\"} 3")
                    .contains("slayer_request_prompt_tokens_bucket{model_name=\"tiny\",le=\"5.0\"} 3")
                    .contains("slayer_request_generation_tokens_sum{model_name=\"tiny\"} 8.0")
                    .contains("slayer_request_params_n_bucket{model_name=\"tiny\",le=\"1.0\"}")
                    .contains("slayer_request_params_max_tokens_count{model_name=\"tiny\"}")
                    .contains("slayer_http_request_duration_seconds_count{handler=\"/v1/completions\"}")
                    .contains("slayer_num_requests_running 0.0")
                    .contains("slayer_num_requests_waiting 0.0")
                    .contains("slayer_kv_cache_usage_perc 0.0");
        }
    }

    @Test
    void countsAnsweredRequestsByRoute() {
        try (TestServer server = TestServer.with(StubEngine.saying("abc"))) {
            server.post("/m/tiny/v1/completions", "{");
            server.get("/no/such/path");
            server.get("/health");
            assertThat(server.get("/metrics").body())
                    .contains(
                            "slayer_http_requests_total{handler=\"/v1/completions\",method=\"POST\",status=\"400\"} 1.0")
                    .contains("slayer_http_requests_total{handler=\"none\",method=\"GET\",status=\"404\"} 1.0")
                    .contains("slayer_http_requests_total{handler=\"/health\",method=\"GET\",status=\"200\"} 1.0");
        }
    }

    @Test
    void theEnginesStateShowsWhileItRuns() {
        StubEngine engine = StubEngine.saying("abc").pause();
        try (TestServer server = TestServer.with(engine)) {
            Thread client = Thread.startVirtualThread(() -> server.post("/v1/completions", "{\"prompt\":\"a\"}"));
            TestServer.await("a sequence runs", () -> engine.active() == 1);
            assertThat(server.get("/metrics").body())
                    .contains("slayer_num_requests_running 1.0")
                    .contains("slayer_kv_cache_usage_perc 0.01");
            engine.resume();
            TestServer.await("the client is done", () -> !client.isAlive());
        }
    }

    @Test
    void healthAndVersionAnswer() {
        try (TestServer server = TestServer.with(StubEngine.saying("abc"))) {
            HttpResponse<String> health = server.get("/health");
            assertThat(health.statusCode()).isEqualTo(200);
            assertThat(health.body()).isEmpty();
            assertThat(server.post("/ping", "").statusCode()).isEqualTo(200);
            assertThat(TestServer.json(server.get("/version")).get("version").asText())
                    .isNotEmpty();
            assertThat(TestServer.json(server.get("/version")).has("devices"))
                    .as("a stub computes on nothing")
                    .isFalse();
            server.engine.close();
            assertThat(server.get("/health").statusCode()).isEqualTo(503);
        }
    }
}
