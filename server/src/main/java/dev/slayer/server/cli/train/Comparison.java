package dev.slayer.server.cli.train;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** Several runs side by side, as a Markdown table. */
final class Comparison {
    private static final String UNKNOWN = "-";

    private Comparison() {}

    /** A row for each run; for each domain its loss at the end, and what changed from before training. */
    static String table(List<RunSummary> runs) {
        TreeSet<String> domains = new TreeSet<>();
        runs.forEach(run -> domains.addAll(run.lastLosses().keySet()));
        StringBuilder table = new StringBuilder("| run | trained | tokens | s/step | peak MiB |");
        domains.forEach(domain -> table.append(" loss: ").append(domain).append(" | change |"));
        table.append("\n|---|---|---|---|---|")
                .append("---|---|".repeat(domains.size()))
                .append('\n');
        for (RunSummary run : runs) {
            String seconds = run.secondsPerStep().isPresent()
                    ? String.format(Locale.ROOT, "%.3f", run.secondsPerStep().getAsDouble())
                    : UNKNOWN;
            String peak = run.peakBytes().isPresent()
                    ? String.format(Locale.ROOT, "%,d", run.peakBytes().getAsLong() >> 20)
                    : UNKNOWN;
            table.append(String.format(
                    Locale.ROOT,
                    "| %s | %,d | %,d | %s | %s |",
                    run.name(),
                    run.trained(),
                    run.tokens(),
                    seconds,
                    peak));
            domains.forEach(domain -> table.append(losses(run, domain)));
            table.append('\n');
        }
        return table.toString();
    }

    private static String losses(RunSummary run, String domain) {
        Map<String, Double> last = run.lastLosses();
        if (!last.containsKey(domain)) {
            return " " + UNKNOWN + " | " + UNKNOWN + " |";
        }
        double end = last.get(domain);
        Double begin = run.firstLosses().get(domain);
        return String.format(Locale.ROOT, " %.4f |", end)
                + (begin == null ? " " + UNKNOWN + " |" : String.format(Locale.ROOT, " %+.4f |", end - begin));
    }
}
