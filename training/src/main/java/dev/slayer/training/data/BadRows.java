package dev.slayer.training.data;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Counts bad rows of one source, keeps the first of them, and refuses the source when there are too many. */
final class BadRows {
    private static final int NAMED = 3;

    private final String source;
    private final DataOptions.Limits limits;
    private final List<DataReport.BadRow> kept = new ArrayList<>();

    BadRows(String source, DataOptions.Limits limits) {
        this.source = source;
        this.limits = limits;
    }

    void keep(DataFile file, long number, String reason) {
        DataReport.BadRow row = new DataReport.BadRow(file.path().toString(), number, reason);
        if (kept.size() < limits.badKept() && !kept.contains(row)) {
            kept.add(row);
        }
    }

    List<DataReport.BadRow> kept() {
        return List.copyOf(kept);
    }

    /** @throws SlayerException 400 if the share of bad rows is above the limit */
    void judge(long bad, long rows) {
        if (rows >= limits.judgedAfter() && bad > limits.badShare() * rows) {
            String share = String.format(Locale.ROOT, "%.4g %%", 100 * limits.badShare());
            throw refusal(
                    bad + " of the first " + rows + " rows of source '" + source + "' are bad, more than " + share);
        }
    }

    /** A refusal that ends with the first offenders. */
    SlayerException refusal(String what) {
        StringBuilder message = new StringBuilder(what);
        for (DataReport.BadRow row : kept.subList(0, Math.min(NAMED, kept.size()))) {
            message.append("; ").append(row);
        }
        message.append(". Mend the rows, name the right format, or allow a larger share of bad rows");
        return Refusal.of("data", message.toString());
    }
}
