package dev.slayer.server.cli.bench;

import java.util.List;

/**
 * What a load found.
 *
 * @param model names of the requests, as the options write them
 * @param promptTokens lengths of prompts, as the option writes them
 * @param outputTokens lengths of answers, as the option writes them
 * @param concurrency requests under way at once
 * @param seed of lengths and prompts
 * @param median of each number over the repetitions
 * @param repetitions every one
 * @param peer the model of {@code --compare}; null if there is none
 * @param peakMemoryBytes most memory of the process in RAM, load generator included; null if the server is another process
 */
public record LoadReport(
        String model,
        String promptTokens,
        String outputTokens,
        int concurrency,
        long seed,
        Measurement median,
        List<Measurement> repetitions,
        Peer peer,
        Long peakMemoryBytes)
        implements Report {
    /**
     * Another model under the same load, in alternate repetitions.
     *
     * @param model its name
     * @param median of each number over its repetitions
     * @param repetitions every one, each run right after the other model's of the same number
     * @param decodeRatio decode tokens/s of the report's model over the peer's, medians both; 0 if the peer has none
     */
    public record Peer(String model, Measurement median, List<Measurement> repetitions, double decodeRatio) {
        static Peer of(String model, List<Measurement> repetitions, Measurement against) {
            Measurement median = Measurement.median(repetitions);
            return new Peer(
                    model,
                    median,
                    List.copyOf(repetitions),
                    ratio(against.decodeTokensPerSecond(), median.decodeTokensPerSecond()));
        }
    }

    static LoadReport of(
            String model,
            Workload.Answers workload,
            long seed,
            List<Measurement> repetitions,
            Peer peer,
            Long peakMemoryBytes) {
        return new LoadReport(
                model,
                workload.promptTokens().text(),
                workload.outputTokens().text(),
                workload.concurrency(),
                seed,
                Measurement.median(repetitions),
                List.copyOf(repetitions),
                peer,
                peakMemoryBytes);
    }

    @Override
    public int errorCount() {
        return median.errorCount() + (peer == null ? 0 : peer.median().errorCount());
    }

    @Override
    public String table() {
        TextTable times = new TextTable()
                .row("", "p50", "p95", "p99", "mean", "max")
                .row(row("time to first token, ms", median.timeToFirstToken()))
                .row(row("inter-token latency, ms", median.interTokenLatency()));
        TextTable rates = new TextTable()
                .row("prefill, tokens/s", Report.number(median.prefillTokensPerSecond()))
                .row("decode, tokens/s", Report.number(median.decodeTokensPerSecond()))
                .row("requests/s", Report.number(median.requestsPerSecond()))
                .row("errors", Integer.toString(median.errorCount()))
                .row("server CPU, ms/token", orDash(median.serverCpuMillisPerToken()))
                .row("load generator CPU, ms/token", Report.number(median.clientCpuMillisPerToken()))
                .row("peak memory, MiB", orDash(peakMemoryBytes == null ? null : peakMemoryBytes / (double) (1 << 20)));
        return heading() + "\n\n" + times.text() + "\n" + rates.text() + failures(median) + beside();
    }

    private String beside() {
        if (peer == null) {
            return "";
        }
        Measurement other = peer.median();
        TextTable table = new TextTable()
                .row("beside it, in turns", "mix", peer.model(), "ratio")
                .row(row(
                        "time to first token p50, ms",
                        median.timeToFirstToken().p50(),
                        other.timeToFirstToken().p50()))
                .row(row(
                        "inter-token latency p50, ms",
                        median.interTokenLatency().p50(),
                        other.interTokenLatency().p50()))
                .row(row("prefill, tokens/s", median.prefillTokensPerSecond(), other.prefillTokensPerSecond()))
                .row(row("decode, tokens/s", median.decodeTokensPerSecond(), other.decodeTokensPerSecond()))
                .row(row("requests/s", median.requestsPerSecond(), other.requestsPerSecond()));
        return "\n" + table.text() + failures(other);
    }

    private String heading() {
        int all = repetitions.getFirst().requests() + repetitions.getFirst().errorCount();
        return model + ": " + all + " requests, " + concurrency + " at once, " + promptTokens + " prompt tokens, "
                + outputTokens + " output tokens; "
                + (repetitions.size() == 1 ? "one repetition" : "median of " + repetitions.size() + " repetitions");
    }

    private static String failures(Measurement measured) {
        return measured.errors().isEmpty() ? "" : "\nErrors of all repetitions: " + measured.errors() + "\n";
    }

    private static String[] row(String name, Latency latency) {
        return new String[] {
            name,
            Report.number(latency.p50()),
            Report.number(latency.p95()),
            Report.number(latency.p99()),
            Report.number(latency.mean()),
            Report.number(latency.max())
        };
    }

    private static String[] row(String name, double ours, double peers) {
        return new String[] {name, Report.number(ours), Report.number(peers), Report.number(ratio(ours, peers))};
    }

    private static double ratio(double value, double of) {
        return of == 0 ? 0 : value / of;
    }

    private static String orDash(Double value) {
        return value == null ? "-" : Report.number(value);
    }
}
