package dev.slayer.server.jobs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A job as a client asks for it.
 *
 * @param model with edits, as in other requests
 * @param metadata the client's own
 * @param method as it was given, to be shown again
 * @param slayer our own method's object; empty for {@code supervised}
 */
public record JobRequest(
        String model,
        String trainingFile,
        Optional<String> validationFile,
        Optional<String> suffix,
        OptionalLong seed,
        ObjectNode metadata,
        ObjectNode method,
        Optional<ObjectNode> slayer,
        Hyperparameters hyperparameters) {
    /** Numbers that are given; empty is {@code "auto"}. */
    public record Hyperparameters(OptionalInt epochs, OptionalInt batch, OptionalDouble rateMultiplier) {}
}
