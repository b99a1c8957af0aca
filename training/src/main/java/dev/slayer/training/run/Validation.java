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
 * @param device left while data is read
 */
record Validation(TrainingData data, TrainingModel model, int microBatch, DeviceAccess device) {
    /**
     * What the model makes of it now.
     *
     * @param step after which
     * @return empty if nothing is held back
     */
    Optional<RunEvent.Validated> after(long step) {
        Map<String, Double> losses = new LinkedHashMap<>();
        Map<String, Double> accuracies = new LinkedHashMap<>();
        for (String domain : data.domains()) {
            TrainingModel.Loss loss = loss(domain);
            losses.put(domain, loss.learned() == 0 ? 0 : loss.mean());
            accuracies.put(domain, loss.learned() == 0 ? 0 : loss.accuracy());
        }
        return losses.isEmpty() ? Optional.empty() : Optional.of(new RunEvent.Validated(step, losses, accuracies));
    }

    private TrainingModel.Loss loss(String domain) {
        double sum = 0;
        long learned = 0;
        long correct = 0;
        try (BatchStream stream = data.validation(domain)) {
            for (Optional<Batch> batch = next(stream); batch.isPresent(); batch = next(stream)) {
                for (Batch part : batch.get().parts(microBatch)) {
                    TrainingModel.Loss loss = model.evaluate(Rows.of(part));
                    sum += loss.sum();
                    learned += loss.learned();
                    correct += loss.correct();
                }
            }
        }
        return new TrainingModel.Loss(sum, learned, correct);
    }

    private Optional<Batch> next(BatchStream stream) {
        return device.apart(stream::next);
    }
}
