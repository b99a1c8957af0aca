package dev.slayer.server.cli.train;

import dev.slayer.training.run.RunEvent;
import dev.slayer.training.run.RunRecord;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What a run came to, over all the times that it was gone on with.
 *
 * @param trained numbers that are trained
 * @param peakBytes most memory, of this time only; empty if not known, or if no step was made
 */
record RunSummary(String name, long trained, RunRecord record, OptionalLong peakBytes) {
    /** Losses of the validation before the first step, by domain. */
    Map<String, Double> firstLosses() {
        List<RunEvent.Validated> all = record.validations();
        return all.isEmpty() ? Map.of() : all.getFirst().losses();
    }

    /** Losses of the last validation. */
    Map<String, Double> lastLosses() {
        List<RunEvent.Validated> all = record.validations();
        return all.isEmpty() ? Map.of() : all.getLast().losses();
    }

    /** Tokens seen, padding not counted. */
    long tokens() {
        return record.steps().isEmpty() ? 0 : record.steps().getLast().tokens();
    }

    /** Seconds of the median step; empty if none was made. */
    OptionalDouble secondsPerStep() {
        double[] seconds = record.steps().stream()
                .mapToDouble(RunRecord.Step::seconds)
                .sorted()
                .toArray();
        return seconds.length == 0 ? OptionalDouble.empty() : OptionalDouble.of(seconds[seconds.length / 2]);
    }
}
