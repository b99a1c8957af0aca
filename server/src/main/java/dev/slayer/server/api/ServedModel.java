package dev.slayer.server.api;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.time.Instant;
import java.util.Arrays;
import java.util.Objects;

/**
 * A model that clients can name. The tokenizer is shared, not owned: whoever opened it closes it after the server.
 *
 * @param name what clients call it, and what the engine calls its checkpoint
 * @param created when it began to be served, or when its checkpoint was made
 * @param config shape of the checkpoint
 * @param layout the stack to run
 * @param tokenizer text to tokens
 * @param maxModelLen longest sequence, prompt and generated tokens together
 */
public record ServedModel(
        String name, Instant created, ModelConfig config, Layout layout, Tokenizer tokenizer, int maxModelLen) {
    public ServedModel {
        if (name.isBlank()) {
            throw SlayerException.badRequest("model", "A model's name is empty; name it as in NAME=DIR.");
        }
        Objects.requireNonNull(created);
        Objects.requireNonNull(config);
        Objects.requireNonNull(layout);
        Objects.requireNonNull(tokenizer);
        if (maxModelLen < 1) {
            throw SlayerException.badRequest(
                    "max-model-len", "max-model-len=" + maxModelLen + " is out of range; allowed: 1 or more.");
        }
    }

    /** What clients see as system_fingerprint: equal for equal shape and layout. */
    String fingerprint() {
        return "fp_%08x".formatted(Objects.hash(config.toString(), layout.text()));
    }

    /** Whether the tokenizer puts a BOS token before a text by itself. */
    boolean addsBos() {
        int[] tokens = tokenizer.encode("", true);
        return tokenizer.bosTokenId().isPresent()
                && Arrays.stream(tokens)
                        .limit(1)
                        .anyMatch(token -> token == tokenizer.bosTokenId().getAsInt());
    }
}
