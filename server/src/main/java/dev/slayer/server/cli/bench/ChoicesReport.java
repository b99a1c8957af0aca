package dev.slayer.server.cli.bench;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * How fast choices of items are scored.
 *
 * @param model that scored
 * @param items of one repetition
 * @param subjectItems items that share their shots
 * @param shotTokens lengths of shots, as the option writes them
 * @param questionTokens lengths of questions, as the option writes them
 * @param choiceTokens lengths of choices, as the option writes them
 * @param concurrency requests under way at once
 * @param seed of lengths and prompts
 * @param scores of the items
 * @param cacheOff the same requests to a server without a prefix cache; null if there is none
 * @param alone unrelated prompts with as many tokens as are new in the items
 * @param itemsPerSecond of the items
 * @param speedUp time without a cache over the time of the items, medians both; null without that comparison
 * @param timeAgainstAlone time of the items over the time of the unrelated prompts, medians both
 * @param serverCpuAgainstAlone the same ratio of the server's processor time, without what the load generator takes from it; null if
 *     the server is another process
 * @param peakMemoryBytes most memory of the process in RAM, load generator and all servers in it included; null if the server is
 *     another process
 */
public record ChoicesReport(
        String model,
        int items,
        int subjectItems,
        String shotTokens,
        String questionTokens,
        String choiceTokens,
        int concurrency,
        long seed,
        Side scores,
        Side cacheOff,
        Side alone,
        double itemsPerSecond,
        Double speedUp,
        double timeAgainstAlone,
        Double serverCpuAgainstAlone,
        Long peakMemoryBytes)
        implements Report {
    /**
     * One kind of load, measured in turns with the others.
     *
     * @param median of each number over the repetitions
     * @param repetitions every one
     */
    public record Side(Scoring median, List<Scoring> repetitions) {
        static Side of(List<Scoring> repetitions) {
            return new Side(Scoring.median(repetitions), List.copyOf(repetitions));
        }
    }

    static ChoicesReport of(
            String model, Workload.Choices workload, long seed, Side scores, Side cacheOff, Side alone, Long peak) {
        return new ChoicesReport(
                model,
                workload.items(),
                workload.subjectItems(),
                workload.shotTokens().text(),
                workload.questionTokens().text(),
                workload.choiceTokens().text(),
                workload.concurrency(),
                seed,
                scores,
                cacheOff,
                alone,
                scores.median().requestsPerSecond() / Workload.Choices.PER_ITEM,
                cacheOff == null ? null : timeRatio(cacheOff, scores),
                timeRatio(scores, alone),
                cpuRatio(scores, alone),
                peak);
    }

    @Override
    public int errorCount() {
        return sides().stream().mapToInt(side -> side.median().errorCount()).sum();
    }

    @Override
    public String table() {
        TextTable table = new TextTable()
                .row(cells("", "items", "cache off", "new tokens alone"))
                .row(row("seconds", side -> Report.number(side.seconds())))
                .row(row("requests", side -> Integer.toString(side.requests())))
                .row(row("requests/s", side -> Report.number(side.requestsPerSecond())))
                .row(row("tokens sent", side -> Long.toString(side.tokensSent())))
                .row(row("new tokens", side -> Long.toString(side.newTokens())))
                .row(row("new tokens/s", side -> Report.number(perSecond(side.newTokens(), side))))
                .row(row("cached_tokens", side -> Long.toString(side.cachedTokens())))
                .row(row("request p50, ms", side -> Report.number(side.latency().p50())))
                .row(row("request p99, ms", side -> Report.number(side.latency().p99())))
                .row(row("server CPU, s", side -> orDash(side.serverCpuSeconds())))
                .row(row("load generator CPU, s", side -> Report.number(side.clientCpuSeconds())))
                .row(row("errors", side -> Integer.toString(side.errorCount())));
        TextTable results = new TextTable().row("items/s", Report.number(itemsPerSecond));
        if (speedUp != null) {
            results.row("speed-up over the cache off", Report.number(speedUp));
        }
        results.row("time against new tokens alone", Report.number(timeAgainstAlone))
                .row("server CPU against new tokens alone", orDash(serverCpuAgainstAlone))
                .row("peak memory, MiB", orDash(peakMemoryBytes == null ? null : peakMemoryBytes / (double) (1 << 20)));
        return heading() + "\n\n" + table.text() + "\n" + results.text() + failures();
    }

    private String heading() {
        return model + ": " + items + " items of " + Workload.Choices.PER_ITEM + " choices, " + concurrency
                + " requests at once; shots of " + shotTokens + " tokens for " + subjectItems
                + " items each, questions "
                + questionTokens + ", choices " + choiceTokens + "; "
                + (scores.repetitions().size() == 1
                        ? "one repetition"
                        : "median of " + scores.repetitions().size() + " repetitions");
    }

    private String failures() {
        Map<String, Integer> all = new TreeMap<>();
        sides().forEach(side -> side.median().errors().forEach((code, count) -> all.merge(code, count, Integer::sum)));
        return all.isEmpty() ? "" : "\nErrors of all repetitions: " + all + "\n";
    }

    private List<Side> sides() {
        return cacheOff == null ? List.of(scores, alone) : List.of(scores, cacheOff, alone);
    }

    private String[] row(String name, Function<Scoring, String> number) {
        return Stream.concat(Stream.of(name), sides().stream().map(side -> number.apply(side.median())))
                .toArray(String[]::new);
    }

    private String[] cells(String name, String ofScores, String ofCacheOff, String ofAlone) {
        return cacheOff == null
                ? new String[] {name, ofScores, ofAlone}
                : new String[] {name, ofScores, ofCacheOff, ofAlone};
    }

    private static double timeRatio(Side side, Side to) {
        return to.median().seconds() == 0
                ? 0
                : side.median().seconds() / to.median().seconds();
    }

    private static Double cpuRatio(Side side, Side to) {
        Double cpu = side.median().serverCpuSeconds();
        Double other = to.median().serverCpuSeconds();
        return cpu == null || other == null || other <= 0 ? null : Double.valueOf(cpu / other);
    }

    private static double perSecond(long count, Scoring side) {
        return side.seconds() == 0 ? 0 : count / side.seconds();
    }

    private static String orDash(Double value) {
        return value == null ? "-" : Report.number(value);
    }
}
