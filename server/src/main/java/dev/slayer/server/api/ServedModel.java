package dev.slayer.server.api;

import dev.slayer.server.text.Tokenizer;
import dev.slayer.surgery.SlayerException;
import dev.slayer.surgery.checkpoint.ModelConfig;
import dev.slayer.surgery.layout.Layout;
import java.time.Instant;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;

/**
 * A model that clients can name: a checkpoint, or a variant of one. The tokenizer is shared, not owned: whoever opened it closes it
 * after the server, or when the checkpoint is unloaded.
 *
 * @param name what clients call it; of an edit that has no name, the name of what was edited
 * @param checkpoint what the engine calls the checkpoint; equal to the name unless this is a variant
 * @param created when it began to be served, or when it was made
 * @param config shape of the checkpoint
 * @param layout the stack to run
 * @param tokenizer text to tokens
 * @param maxModelLen longest sequence, prompt and generated tokens together
 * @param residency of the checkpoint
 * @param requests inference requests so far that named it, edits of it included
 */
public record ServedModel(
        String name,
        String checkpoint,
        Instant created,
        ModelConfig config,
        Layout layout,
        Tokenizer tokenizer,
        int maxModelLen,
        Residency residency,
        LongAdder requests) {
    public ServedModel {
        if (name.isBlank()) {
            throw SlayerException.badRequest("model", "A model's name is empty; name it as in NAME=DIR.");
        }
        Objects.requireNonNull(checkpoint);
        Objects.requireNonNull(created);
        Objects.requireNonNull(config);
        Objects.requireNonNull(layout);
        Objects.requireNonNull(tokenizer);
        if (maxModelLen < 1) {
            throw SlayerException.badRequest(
                    "max-model-len", "max-model-len=" + maxModelLen + " is out of range; allowed: 1 or more.");
        }
        Objects.requireNonNull(residency);
        Objects.requireNonNull(requests);
    }

    /** A checkpoint as it is. */
    public ServedModel(
            String name, Instant created, ModelConfig config, Layout layout, Tokenizer tokenizer, int maxModelLen) {
        this(name, name, created, config, layout, tokenizer, maxModelLen, new Residency(), new LongAdder());
    }

    /** A named variant of this checkpoint. */
    ServedModel variant(String called, Instant since, Layout stack, LongAdder counter) {
        return new ServedModel(called, checkpoint, since, config, stack, tokenizer, maxModelLen, residency, counter);
    }

    /** This model with another stack, by the same name. */
    ServedModel with(Layout stack) {
        return new ServedModel(name, checkpoint, created, config, stack, tokenizer, maxModelLen, residency, requests);
    }

    /** The checkpoint's name, if this is a variant of it. */
    Optional<String> parent() {
        return name.equals(checkpoint) ? Optional.empty() : Optional.of(checkpoint);
    }

    /** What clients see as system_fingerprint: equal for equal checkpoint and layout. */
    String fingerprint() {
        return "fp_%08x".formatted(Objects.hash(checkpoint, config.toString(), layout.text()));
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
