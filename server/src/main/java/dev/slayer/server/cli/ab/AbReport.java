package dev.slayer.server.cli.ab;

import dev.slayer.clients.AbEvent;
import dev.slayer.server.cli.bench.TextTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes a comparison for people: the answers in columns, then a table of distances. */
public final class AbReport {
    private final Columns columns;

    /** @param width of a line */
    public AbReport(int width) {
        this.columns = new Columns(width);
    }

    /** Answers to one prompt, in the order in which they are given. */
    public String answers(List<AbEvent.Answer> answers) {
        if (answers.isEmpty()) {
            return "";
        }
        List<String> titles = new ArrayList<>();
        List<String> texts = new ArrayList<>();
        for (AbEvent.Answer answer : answers) {
            titles.add(answer.variant());
            texts.add(answer.text() + "\n[" + answer.tokens().size() + " tokens, " + answer.finishReason() + "]");
        }
        return columns.text(titles, texts);
    }

    /** Distances from the reference; empty if nothing could be compared. */
    public static String table(AbEvent.Summary summary) {
        if (summary.variants().isEmpty()) {
            return "";
        }
        TextTable table = new TextTable()
                .row("against " + summary.reference(), "mean KL, nats", "top-1 agreement", "perplexity", "difference");
        for (AbEvent.Distance distance : summary.variants()) {
            table.row(
                    distance.variant(),
                    number("%.6f", distance.meanKl()),
                    number("%.1f%%", 100 * distance.top1Agreement()),
                    number("%.4f", distance.perplexity()),
                    number("%+.4f", distance.perplexityDifference()));
        }
        return table.text();
    }

    private static String number(String format, double value) {
        return String.format(Locale.ROOT, format, value);
    }
}
