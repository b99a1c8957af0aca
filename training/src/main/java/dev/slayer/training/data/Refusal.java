package dev.slayer.training.data;

import dev.slayer.surgery.SlayerException;

/** Data that cannot be trained on. */
final class Refusal {
    private Refusal() {}

    static SlayerException of(String param, String message) {
        return of(param, message, null);
    }

    static SlayerException of(String param, String message, Throwable cause) {
        return new SlayerException(400, "invalid_training_data", param, message, cause);
    }
}
