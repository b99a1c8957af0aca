package dev.slayer.server.cli.bench;

import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * How long layouts that the server has never seen take to their first token, against a model that it knows.
 *
 * @param base the model that is known
 * @param promptTokens lengths of prompts, as the option writes them
 * @param groups one for each option that names layouts
 * @param errors codes of failures, with how often
 */
public record NewLayoutsReport(String base, String promptTokens, List<Group> groups, Map<String, Integer> errors)
        implements Report {
    /**
     * One layout, asked for once, and the base right before it.
     *
     * @param model the layout's name
     * @param baseMillis the base's time to first token
     * @param newMillis the layout's
     */
    public record Pair(String model, double baseMillis, double newMillis) {
        double difference() {
            return newMillis - baseMillis;
        }
    }

    /**
     * Layouts of one kind.
     *
     * @param names as the option writes them
     * @param baseMillis median of the base's times
     * @param newMillis median of the layouts' times
     * @param differenceMillis median of what a layout took more than the base right before it
     * @param firstMillis time of the very first layout
     * @param longestMillis longest time of a layout
     * @param pairs all, in order
     */
    public record Group(
            String names,
            double baseMillis,
            double newMillis,
            double differenceMillis,
            double firstMillis,
            double longestMillis,
            List<Pair> pairs) {
        /** @param pairs that were answered; if there is none, all numbers are zero */
        static Group of(String names, List<Pair> pairs) {
            return new Group(
                    names,
                    median(pairs, Pair::baseMillis),
                    median(pairs, Pair::newMillis),
                    median(pairs, Pair::difference),
                    pairs.isEmpty() ? 0 : pairs.getFirst().newMillis(),
                    pairs.stream().mapToDouble(Pair::newMillis).max().orElse(0),
                    List.copyOf(pairs));
        }

        private static double median(List<Pair> pairs, ToDoubleFunction<Pair> number) {
            return pairs.isEmpty()
                    ? 0
                    : Median.of(pairs.stream().mapToDouble(number).toArray());
        }
    }

    @Override
    public int errorCount() {
        return errors.values().stream().mapToInt(Integer::intValue).sum();
    }

    @Override
    public String table() {
        TextTable table = new TextTable()
                .row("time to first token, ms", "layouts", base, "new", "difference", "first new", "longest new");
        for (Group group : groups) {
            table.row(
                    group.names(),
                    Integer.toString(group.pairs().size()),
                    Report.number(group.baseMillis()),
                    Report.number(group.newMillis()),
                    Report.number(group.differenceMillis()),
                    Report.number(group.firstMillis()),
                    Report.number(group.longestMillis()));
        }
        return "New layouts, each asked for once, right after " + base + ": one at a time, " + promptTokens
                + " prompt tokens; medians, the difference that of pairs\n\n" + table.text()
                + (errors.isEmpty() ? "" : "\nErrors: " + errors + "\n");
    }
}
