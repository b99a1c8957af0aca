package dev.slayer.server.jobs;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * What a job will do; does not change.
 *
 * @param model as the client named it
 * @param held the same for {@link TrainableModels#hold} after a restart: the checkpoint, and what is edited of it
 * @param trainingFile id
 * @param validationFile id, or null
 * @param suffix part of the result's name, or null
 * @param metadata the client's own
 * @param method as the client gave it
 * @param hyperparameters as they came out: {@code n_epochs}, {@code batch_size}, {@code learning_rate_multiplier}
 * @param recipe the whole training recipe
 * @param name what the result will be called
 */
public record JobPlan(
        String model,
        String held,
        String trainingFile,
        String validationFile,
        String suffix,
        long seed,
        ObjectNode metadata,
        ObjectNode method,
        ObjectNode hyperparameters,
        String recipe,
        String name) {}
