package dev.slayer.surgery.delta;

import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where a delta comes from.
 *
 * @param baseName what the base was called; for people, the hash decides
 * @param baseHash of the base, as {@link dev.slayer.surgery.checkpoint.CheckpointHash} makes it
 * @param method how it was trained, in a word: {@code cpt}, {@code sft}, {@code lora}
 * @param data the files that it was trained on
 * @param recipe text of the training recipe; may be empty
 * @param seed of the run
 * @param tokens trained on so far
 * @param steps of the optimizer so far
 * @param created when it was written
 * @param madeBy name and version of the writer
 */
public record Provenance(
        String baseName,
        String baseHash,
        String method,
        List<DataFile> data,
        String recipe,
        long seed,
        long tokens,
        long steps,
        Instant created,
        String madeBy) {
    /** The most data files that are told. */
    public static final int MAX_DATA = 10_000;

    /** The most characters of the recipe's text. */
    public static final int MAX_RECIPE = 1 << 20;

    /** @throws IllegalArgumentException if something is over its limit */
    public Provenance {
        Objects.requireNonNull(baseName);
        Objects.requireNonNull(baseHash);
        Objects.requireNonNull(method);
        data = List.copyOf(data);
        Objects.requireNonNull(recipe);
        Objects.requireNonNull(created);
        Objects.requireNonNull(madeBy);
        if (data.size() > MAX_DATA) {
            throw new IllegalArgumentException("data has " + data.size() + " files; allowed: at most " + MAX_DATA);
        }
        if (recipe.length() > MAX_RECIPE) {
            throw new IllegalArgumentException(
                    "recipe has " + recipe.length() + " characters; allowed: at most " + MAX_RECIPE);
        }
    }

    /**
     * A file of training data.
     *
     * @param name as the training recipe calls it
     * @param bytes its size, if known
     * @param sha256 hash of its content in hexadecimal, if known
     */
    public record DataFile(String name, OptionalLong bytes, Optional<String> sha256) {
        public DataFile {
            Objects.requireNonNull(name);
            Objects.requireNonNull(bytes);
            Objects.requireNonNull(sha256);
        }
    }
}
