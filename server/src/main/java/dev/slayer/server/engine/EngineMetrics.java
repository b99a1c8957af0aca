package dev.slayer.server.engine;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** What only the engine can measure; meanings as vLLM's metrics of the same names. */
final class EngineMetrics {
    private final MeterRegistry registry;
    private final Counter preemptions;
    private final DistributionSummary iterationTokens;
    private final Counter prefixQueries;
    private final Counter prefixHits;
    private final AtomicLong prefixBytes = new AtomicLong();

    EngineMetrics(MeterRegistry registry, int engine) {
        this.registry = registry;
        this.preemptions = Counter.builder("slayer_num_preemptions")
                .description("Sequences that gave their KV back and were computed again")
                .register(registry);
        this.iterationTokens = DistributionSummary.builder("slayer_iteration_tokens")
                .description("Rows of a step")
                .serviceLevelObjectives(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
                .register(registry);
        this.prefixQueries = Counter.builder("slayer_prefix_cache_queries")
                .description("Prompt tokens that were looked for in the prefix cache")
                .register(registry);
        this.prefixHits = Counter.builder("slayer_prefix_cache_hits")
                .description("Prompt tokens that came from the prefix cache")
                .register(registry);
        Gauge.builder("slayer_prefix_cache_bytes", prefixBytes::get)
                .tag("engine", Integer.toString(engine)) // counters of several engines add up, gauges do not
                .description("Bytes of KV and scores in the prefix cache")
                .register(registry);
    }

    void prefixBytes(long bytes) {
        prefixBytes.set(bytes);
    }

    void preempted() {
        preemptions.increment();
    }

    void step(int rows) {
        iterationTokens.record(rows);
    }

    void ended(Sequence sequence) {
        SequenceTimes times = sequence.times;
        if (!times.complete()) {
            return;
        }
        prefixQueries.increment(sequence.request.prompt().length);
        prefixHits.increment(sequence.cachedTokens());
        String model = sequence.request.model();
        timer("slayer_request_queue_time", "Time in the queue", model).record(times.queueNanos(), TimeUnit.NANOSECONDS);
        timer("slayer_request_prefill_time", "Time from the queue to the end of the prompt", model)
                .record(times.prefillNanos(), TimeUnit.NANOSECONDS);
        timer("slayer_request_decode_time", "Time from the end of the prompt to the last token", model)
                .record(times.decodeNanos(), TimeUnit.NANOSECONDS);
        timer("slayer_request_inference_time", "Time from the queue to the last token", model)
                .record(times.prefillNanos() + times.decodeNanos(), TimeUnit.NANOSECONDS);
    }

    private Timer timer(String name, String description, String model) {
        return Timer.builder(name)
                .description(description)
                .tag("model_name", model)
                .serviceLevelObjectives(
                        Duration.ofMillis(1),
                        Duration.ofMillis(10),
                        Duration.ofMillis(50),
                        Duration.ofMillis(100),
                        Duration.ofMillis(250),
                        Duration.ofMillis(500),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(10),
                        Duration.ofSeconds(30),
                        Duration.ofSeconds(60))
                .register(registry);
    }
}
