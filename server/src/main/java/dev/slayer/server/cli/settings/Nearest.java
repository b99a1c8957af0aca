package dev.slayer.server.cli.settings;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Finds what somebody who mistyped a name probably meant. */
public final class Nearest {
    private Nearest() {}

    /** The name with the fewest changed letters; empty if every name differs in more than a third of the letters. */
    public static Optional<String> to(String mistyped, List<String> names) {
        String plain = mistyped.toLowerCase(Locale.ROOT).replace('_', '-');
        return names.stream()
                .min(Comparator.comparingInt(name -> distance(plain, name)))
                .filter(name -> distance(plain, name) <= Math.max(2, name.length() / 3));
    }

    /** Levenshtein's distance: insertions, deletions and replacements that turn one text into the other. */
    static int distance(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[other.length()];
    }
}
