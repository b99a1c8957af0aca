package dev.slayer.server.cli.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.slayer.surgery.SlayerException;
import java.util.List;
import java.util.Locale;

/**
 * What a benchmark found.
 *
 * @param model that was asked
 * @param promptTokens lengths of prompts, as the option writes them
 * @param outputTokens lengths of answers, as the option writes them
 * @param concurrency requests under way at once
 * @param seed of lengths and prompts
 * @param median of each number over the repetitions
 * @param repetitions every one
 * @param peakMemoryBytes most memory of the process in RAM, load generator included; null if the server is another process
 */
public record BenchReport(
        String model,
        String promptTokens,
        String outputTokens,
        int concurrency,
        long seed,
        Measurement median,
        List<Measurement> repetitions,
        Long peakMemoryBytes) {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    static BenchReport of(String model, BenchSettings settings, List<Measurement> repetitions, Long peakMemoryBytes) {
        return new BenchReport(
                model,
                settings.promptTokens().text(),
                settings.outputTokens().text(),
                settings.concurrency(),
                settings.seed(),
                Measurement.median(repetitions),
                List.copyOf(repetitions),
                peakMemoryBytes);
    }

    /** For people. */
    public String table() {
        TextTable times = new TextTable()
                .row("", "p50", "p95", "p99", "mean", "max")
                .row(row("time to first token, ms", median.timeToFirstToken()))
                .row(row("inter-token latency, ms", median.interTokenLatency()));
        TextTable rates = new TextTable()
                .row("prefill, tokens/s", number(median.prefillTokensPerSecond()))
                .row("decode, tokens/s", number(median.decodeTokensPerSecond()))
                .row("requests/s", number(median.requestsPerSecond()))
                .row("errors", Integer.toString(median.errorCount()))
                .row("server CPU, ms/token", orDash(median.serverCpuMillisPerToken()))
                .row("load generator CPU, ms/token", number(median.clientCpuMillisPerToken()))
                .row("peak memory, MiB", orDash(peakMemoryBytes == null ? null : peakMemoryBytes / (double) (1 << 20)));
        String failures = median.errors().isEmpty() ? "" : "\nErrors of all repetitions: " + median.errors() + "\n";
        return heading() + "\n\n" + times.text() + "\n" + rates.text() + failures;
    }

    /** For programs: snake_case names, times in milliseconds. */
    public String json() {
        try {
            return MAPPER.writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw SlayerException.internal("The report cannot be written as JSON: " + e.getOriginalMessage(), e);
        }
    }

    private String heading() {
        int all = repetitions.getFirst().requests() + repetitions.getFirst().errorCount();
        return model + ": " + all + " requests, " + concurrency + " at once, " + promptTokens + " prompt tokens, "
                + outputTokens + " output tokens; "
                + (repetitions.size() == 1 ? "one repetition" : "median of " + repetitions.size() + " repetitions");
    }

    private static String[] row(String name, Latency latency) {
        return new String[] {
            name,
            number(latency.p50()),
            number(latency.p95()),
            number(latency.p99()),
            number(latency.mean()),
            number(latency.max())
        };
    }

    private static String orDash(Double value) {
        return value == null ? "-" : number(value);
    }

    /** Three significant digits or so: 0.123, 4.56, 78.9, 1234. */
    static String number(double value) {
        double size = Math.abs(value);
        int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
