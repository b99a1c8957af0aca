package dev.slayer.server.api;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;

/** The meters of one served model, one observation per sequence unless it says token. Thread-safe. */
final class ModelMetrics {
    /** Tag of the model's name. */
    static final String MODEL = "model_name";

    private static final double[] FIRST_TOKEN = {
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560
    };
    private static final double[] BETWEEN_TOKENS = {
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40,
        80
    };
    private static final double[] END_TO_END = {
        0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680
    };
    private static final double[] TOKENS = {
        1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000
    };

    private final MeterRegistry registry;
    private final String model;
    private final Timer firstToken;
    private final Timer betweenTokens;
    private final Timer endToEnd;
    private final DistributionSummary promptTokens;
    private final DistributionSummary generationTokens;
    private final DistributionSummary answers;
    private final DistributionSummary maxTokens;
    private final Counter allPromptTokens;
    private final Counter allGenerationTokens;

    ModelMetrics(MeterRegistry registry, String model) {
        this.registry = registry;
        this.model = model;
        firstToken = timer("slayer_time_to_first_token", "From a request's arrival to its first token.", FIRST_TOKEN);
        betweenTokens = timer("slayer_inter_token_latency", "From one token to the next.", BETWEEN_TOKENS);
        endToEnd = timer("slayer_e2e_request_latency", "From a request's arrival to its end.", END_TO_END);
        promptTokens = histogram("slayer_request_prompt_tokens", "Prompt tokens of a sequence.", TOKENS);
        generationTokens = histogram("slayer_request_generation_tokens", "Generated tokens of a sequence.", TOKENS);
        answers = histogram("slayer_request_params_n", "The n of a request, for each of its prompts.", 1, 2, 5, 10, 20);
        maxTokens = histogram(
                "slayer_request_params_max_tokens", "The max_tokens of a request, for each of its prompts.", TOKENS);
        allPromptTokens = counter("slayer_prompt_tokens", "Prompt tokens of all sequences.");
        allGenerationTokens = counter("slayer_generation_tokens", "Generated tokens of all sequences.");
    }

    /** A prompt asks for so many answers of so many tokens at most. */
    void asked(int n, int most) {
        answers.record(n);
        maxTokens.record(most);
    }

    /** Follows one sequence of a request that arrived then, by {@link System#nanoTime}, with a prompt of so many tokens. */
    Sequence arrived(long arrival, int prompt) {
        return new Sequence(arrival, prompt);
    }

    /** The clock of one sequence. Used by one thread. */
    final class Sequence {
        private final long arrival;
        private final int prompt;
        private long last;
        private int tokens;

        private Sequence(long arrival, int prompt) {
            this.arrival = arrival;
            this.prompt = prompt;
            this.last = arrival;
        }

        void token(long nanos) {
            (tokens == 0 ? firstToken : betweenTokens).record(nanos - last, TimeUnit.NANOSECONDS);
            last = nanos;
            tokens++;
            allGenerationTokens.increment();
        }

        /** @param reason stop, length or abort */
        void finished(long nanos, String reason) {
            endToEnd.record(nanos - arrival, TimeUnit.NANOSECONDS);
            promptTokens.record(prompt);
            generationTokens.record(tokens);
            allPromptTokens.increment(prompt);
            Counter.builder("slayer_request_success")
                    .description("Ended sequences by the reason of their end.")
                    .tag(MODEL, model)
                    .tag("finished_reason", reason)
                    .register(registry)
                    .increment();
        }
    }

    /** Of seconds. A summary would not do: Micrometer counts all of its values below 1 as 1. */
    private Timer timer(String name, String description, double... buckets) {
        return Buckets.seconds(Timer.builder(name), buckets)
                .description(description)
                .tag(MODEL, model)
                .register(registry);
    }

    /** Of whole numbers. */
    private DistributionSummary histogram(String name, String description, double... buckets) {
        return DistributionSummary.builder(name)
                .description(description)
                .serviceLevelObjectives(buckets)
                .tag(MODEL, model)
                .register(registry);
    }

    private Counter counter(String name, String description) {
        return Counter.builder(name).description(description).tag(MODEL, model).register(registry);
    }
}
