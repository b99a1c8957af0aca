package dev.slayer.server.engine;

import java.util.List;
import java.util.Optional;

/**
 * Lets text through that can no longer become part of a stop string, and cuts at the first stop string, across the borders of
 * whatever pieces the text comes in. One thread.
 */
final class StopMatcher {
    private final List<String> stops;
    private final boolean include;
    private final StringBuilder heldBack = new StringBuilder();

    /**
     * @param stops none of them empty
     * @param include whether the stop string itself is let through
     */
    StopMatcher(List<String> stops, boolean include) {
        this.stops = stops;
        this.include = include;
    }

    /** What came out: text to show, and the stop string that ended it all, if one did. */
    record Match(String text, Optional<String> stop) {}

    /**
     * Takes text.
     *
     * @param mayStop false lets stop strings pass (min_tokens)
     */
    Match append(String text, boolean mayStop) {
        if (stops.isEmpty() || !mayStop) {
            return new Match(heldBack.isEmpty() ? text : flush() + text, Optional.empty());
        }
        heldBack.append(text);
        String first = null;
        int at = heldBack.length();
        for (String stop : stops) {
            int found = heldBack.indexOf(stop);
            if (found >= 0 && (found < at || first == null)) {
                first = stop;
                at = found;
            }
        }
        if (first != null) {
            String shown = heldBack.substring(0, include ? at + first.length() : at);
            heldBack.setLength(0);
            return new Match(shown, Optional.of(first));
        }
        int safe = heldBack.length() - longestStart();
        String shown = heldBack.substring(0, safe);
        heldBack.delete(0, safe);
        return new Match(shown, Optional.empty());
    }

    /** What was held back, when nothing more comes. */
    String flush() {
        String rest = heldBack.toString();
        heldBack.setLength(0);
        return rest;
    }

    /** Length of the longest end of the text that is a beginning of some stop string. */
    private int longestStart() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, heldBack.length()); length > longest; length--) {
                if (stop.startsWith(heldBack.substring(heldBack.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
