package dev.slayer.training.run;

import dev.slayer.training.data.Batch;
import dev.slayer.training.data.BatchStream;
import dev.slayer.training.data.TrainingData;
import dev.slayer.training.model.Rows;
import dev.slayer.training.model.TrainingModel;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Looks at the data that is held back.
 *
 * @param microBatch rows that are computed at a time
 */
record Validation(TrainingData data, TrainingModel model, int microBatch) {
    /** Mean loss of a learned token by domain; empty if nothing is held back. */
    Map<String, Double> losses() {
        Map<String, Double> losses = new LinkedHashMap<>();
        for (String domain : data.domains()) {
            losses.put(domain, loss(domain));
        }
        return losses;
    }

    private double loss(String domain) {
        double sum = 0;
        long learned = 0;
        try (BatchStream stream = data.validation(domain)) {
            for (Optional<Batch> batch = stream.next(); batch.isPresent(); batch = stream.next()) {
                for (Batch part : batch.get().parts(microBatch)) {
                    TrainingModel.Loss loss = model.evaluate(Rows.of(part));
                    sum += loss.sum();
                    learned += loss.learned();
                }
            }
        }
        return learned == 0 ? 0 : sum / learned;
    }
}
