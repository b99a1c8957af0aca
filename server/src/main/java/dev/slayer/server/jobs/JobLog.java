package dev.slayer.server.jobs;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.server.store.JobStore;
import dev.slayer.server.store.StoredCheckpoint;
import dev.slayer.server.store.StoredEvent;
import dev.slayer.training.data.DataReport;
import dev.slayer.training.run.RunEvent;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * What a job tells. Steps are written some at a time, and of a long run not all; everything else at once. A process that is killed loses a
 * second of steps, which the job makes again when it goes on. Thread-safe.
 */
final class JobLog {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long FLUSH_NANOS = 1_000_000_000;
    private static final long MOST_STEPS = 1000;
    private static final int MOST_BAD_ROWS = 5;

    private final JobStore store;
    private final String job;
    private final List<StoredEvent> waiting = new ArrayList<>(); // guarded by this
    private long flushed = System.nanoTime(); // guarded by this
    private long steps; // of the whole run
    private OptionalDouble trainLoss = OptionalDouble.empty();
    private OptionalDouble trainAccuracy = OptionalDouble.empty();
    private OptionalDouble validLoss = OptionalDouble.empty();
    private OptionalDouble validAccuracy = OptionalDouble.empty();

    JobLog(JobStore store, String job) {
        this.store = store;
        this.job = job;
    }

    void message(String text) {
        add("info", "message", text, JSON.createObjectNode());
        flush();
    }

    void warn(String text) {
        add("warn", "message", text, JSON.createObjectNode());
        flush();
    }

    void error(String text) {
        add("error", "message", text, JSON.createObjectNode());
        flush();
    }

    /** What was found in the data, and its bad rows. */
    void data(DataReport report) {
        for (DataReport.SourceReport source : report.sources()) {
            ObjectNode data = JSON.createObjectNode()
                    .put("format", String.valueOf(source.format()).toLowerCase(Locale.ROOT))
                    .put("rows", source.rows())
                    .put("bad_rows", source.bad())
                    .put("truncated", source.truncated());
            add("info", "message", "The files were validated; their rows are of the format " + source.format(), data);
            source.badRows().stream()
                    .limit(MOST_BAD_ROWS)
                    .forEach(row -> add("warn", "message", "A row cannot be used: " + row, JSON.createObjectNode()));
        }
        flush();
    }

    /** What a run tells. */
    void run(RunEvent event) {
        switch (event) {
            case RunEvent.Begun begun -> {
                steps = begun.steps();
                message("Training " + begun.trained() + " of " + begun.parameters() + " numbers, steps "
                        + begun.firstStep() + " to " + begun.steps());
            }
            case RunEvent.Stepped step -> step(step);
            case RunEvent.Validated validated -> validated(validated);
            case RunEvent.Saved saved -> saved(saved);
            case RunEvent.Warned warned -> warn(warned.message());
            case RunEvent.Finished finished -> message("Made all steps: " + finished.tokens() + " tokens");
        }
    }

    private void step(RunEvent.Stepped step) {
        trainLoss = OptionalDouble.of(step.loss());
        trainAccuracy = OptionalDouble.of(step.accuracy());
        long every = Math.max(1, Math.ceilDiv(steps, MOST_STEPS));
        if (step.step() % every == 0 || step.step() == 1 || step.step() == steps) {
            ObjectNode data = JSON.createObjectNode()
                    .put("step", step.step())
                    .put("total_steps", steps)
                    .put("train_loss", step.loss())
                    .put("train_mean_token_accuracy", step.accuracy())
                    .put("learning_rate", step.learningRate())
                    .put("gradient_norm", step.gradientNorm())
                    .put("tokens", step.tokens())
                    .put("tokens_per_second", step.tokensPerSecond())
                    .put("utilization", step.utilization());
            add(
                    "info",
                    "metrics",
                    String.format(Locale.ROOT, "Step %d/%d: training loss=%.4f", step.step(), steps, step.loss()),
                    data);
        }
        synchronized (this) {
            if (System.nanoTime() - flushed > FLUSH_NANOS) {
                flush();
            }
        }
    }

    private void validated(RunEvent.Validated validated) {
        double mean = mean(validated.losses());
        double accuracy = mean(validated.accuracies());
        validLoss = OptionalDouble.of(mean);
        validAccuracy = OptionalDouble.of(accuracy);
        ObjectNode data = JSON.createObjectNode()
                .put("step", validated.step())
                .put("valid_loss", mean)
                .put("valid_mean_token_accuracy", accuracy);
        ObjectNode domains = data.putObject("valid_losses");
        validated.losses().entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .forEach(domain -> domains.put(domain.getKey(), domain.getValue()));
        add(
                "info",
                "metrics",
                String.format(Locale.ROOT, "Step %d: validation loss=%.4f", validated.step(), mean),
                data);
        flush();
    }

    private static double mean(Map<String, Double> domains) {
        return domains.values().stream()
                .mapToDouble(Double::doubleValue)
                .average()
                .orElse(0);
    }

    private void saved(RunEvent.Saved saved) {
        ObjectNode metrics = JSON.createObjectNode().put("step", saved.step());
        trainLoss.ifPresent(loss -> metrics.put("train_loss", loss));
        trainAccuracy.ifPresent(share -> metrics.put("train_mean_token_accuracy", share));
        validLoss.ifPresent(loss -> metrics.put("valid_loss", loss).put("full_valid_loss", loss));
        validAccuracy.ifPresent(
                share -> metrics.put("valid_mean_token_accuracy", share).put("full_valid_mean_token_accuracy", share));
        store.addCheckpoint(new StoredCheckpoint(
                "ftckpt-" + job.substring(job.indexOf('-') + 1) + "-" + saved.step(),
                job,
                saved.step(),
                Instant.now(),
                metrics.toString()));
        message("Saved a checkpoint after step " + saved.step());
    }

    private synchronized void add(String level, String type, String message, ObjectNode data) {
        waiting.add(new StoredEvent(Ids.next("ftevent-"), job, Instant.now(), level, type, message, data.toString()));
    }

    /** Writes what waits. */
    synchronized void flush() {
        if (!waiting.isEmpty()) {
            store.addEvents(List.copyOf(waiting));
            waiting.clear();
        }
        flushed = System.nanoTime();
    }
}
