package dev.slayer.server.cli.train;

import java.util.List;
import java.util.Locale;
import java.util.TreeSet;

/** Several runs side by side, as a Markdown table. */
final class Comparison {
    private Comparison() {}

    /** A row for each run, a column for each domain; losses before training stand in a row of their own. */
    static String table(List<RunSummary> runs) {
        TreeSet<String> domains = new TreeSet<>();
        runs.forEach(run -> domains.addAll(run.lastLosses().keySet()));
        StringBuilder table = new StringBuilder("| run | trained | tokens | s/step | peak MiB |");
        domains.forEach(domain -> table.append(" loss: ").append(domain).append(" | change |"));
        table.append("\n|---|---|---|---|---|")
                .append("---|---|".repeat(domains.size()))
                .append('\n');
        for (RunSummary run : runs) {
            table.append(String.format(
                    Locale.ROOT,
                    "| %s | %,d | %,d | %.3f | %s |",
                    run.name(),
                    run.trained(),
                    run.tokens(),
                    run.secondsPerStep(),
                    run.peakBytes() == 0 ? "-" : String.format(Locale.ROOT, "%,d", run.peakBytes() >> 20)));
            for (String domain : domains) {
                double first = run.firstLosses().getOrDefault(domain, Double.NaN);
                double last = run.lastLosses().getOrDefault(domain, Double.NaN);
                table.append(String.format(Locale.ROOT, " %.4f | %+.4f |", last, last - first));
            }
            table.append('\n');
        }
        return table.toString();
    }
}
