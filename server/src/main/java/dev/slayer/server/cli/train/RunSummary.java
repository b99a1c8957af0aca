package dev.slayer.server.cli.train;

import dev.slayer.training.run.RunEvent;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** What a run came to, gathered from its events. */
final class RunSummary {
    private final String name;
    private final List<Double> seconds = new ArrayList<>();
    private Map<String, Double> firstLosses = Map.of();
    private Map<String, Double> lastLosses = Map.of();
    private long trained;
    private long tokens;
    private long peakBytes;

    RunSummary(String name) {
        this.name = name;
    }

    void on(RunEvent event) {
        switch (event) {
            case RunEvent.Begun begun -> trained = begun.trained();
            case RunEvent.Stepped step -> {
                seconds.add(step.seconds());
                tokens = step.tokens();
            }
            case RunEvent.Validated validated -> {
                firstLosses = firstLosses.isEmpty() ? validated.losses() : firstLosses;
                lastLosses = validated.losses();
            }
            case RunEvent.Saved _, RunEvent.Warned _, RunEvent.Finished _ -> {}
        }
    }

    void peak(long bytes) {
        peakBytes = bytes;
    }

    String name() {
        return name;
    }

    /** Losses of the validation before the first step, by domain. */
    Map<String, Double> firstLosses() {
        return firstLosses;
    }

    /** Losses of the last validation. */
    Map<String, Double> lastLosses() {
        return lastLosses;
    }

    long trained() {
        return trained;
    }

    long tokens() {
        return tokens;
    }

    /** Bytes at the peak; 0 if not known. */
    long peakBytes() {
        return peakBytes;
    }

    /** Seconds of the median step; NaN if none was made. */
    double secondsPerStep() {
        if (seconds.isEmpty()) {
            return Double.NaN;
        }
        List<Double> sorted = new ArrayList<>(seconds);
        Collections.sort(sorted);
        return sorted.get(sorted.size() / 2);
    }
}
