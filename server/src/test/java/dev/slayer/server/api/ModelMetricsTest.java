package dev.slayer.server.api;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import org.junit.jupiter.api.Test;

class ModelMetricsTest {
    private static final long MILLISECOND = 1_000_000;

    @Test
    void latenciesFarBelowASecondHaveBucketsOfTheirOwn() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        ModelMetrics.Sequence sequence = new ModelMetrics(registry, "tiny").arrived(0, 5);
        sequence.token(7 * MILLISECOND);
        sequence.token(9 * MILLISECOND);
        sequence.token(209 * MILLISECOND);
        sequence.finished(209 * MILLISECOND, "stop");
        assertThat(registry.scrape())
                .contains("slayer_time_to_first_token_seconds_bucket{model_name=\"tiny\",le=\"0.005\"} 0")
                .contains("slayer_time_to_first_token_seconds_bucket{model_name=\"tiny\",le=\"0.01\"} 1")
                .contains("slayer_time_to_first_token_seconds_bucket{model_name=\"tiny\",le=\"2560.0\"} 1")
                .contains("slayer_inter_token_latency_seconds_bucket{model_name=\"tiny\",le=\"0.001\"} 0")
                .contains("slayer_inter_token_latency_seconds_bucket{model_name=\"tiny\",le=\"0.0025\"} 1")
                .contains("slayer_inter_token_latency_seconds_bucket{model_name=\"tiny\",le=\"0.2\"} 2")
                .contains("slayer_inter_token_latency_seconds_sum{model_name=\"tiny\"} 0.202")
                .contains("slayer_e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"0.05\"} 0")
                .contains("slayer_e2e_request_latency_seconds_bucket{model_name=\"tiny\",le=\"0.3\"} 1");
    }
}
