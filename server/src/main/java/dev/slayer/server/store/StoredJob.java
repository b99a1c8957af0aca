package dev.slayer.server.store;

import java.time.Instant;
import java.util.Objects;

/**
 * A training job as it is kept.
 *
 * @param id unique
 * @param created when, to the millisecond
 * @param status one word
 * @param position in the queue: lower comes first
 * @param document everything else, JSON
 */
public record StoredJob(String id, Instant created, String status, long position, String document) {
    public StoredJob {
        Objects.requireNonNull(id);
        Objects.requireNonNull(status);
        Objects.requireNonNull(document);
        created = Instant.ofEpochMilli(created.toEpochMilli());
    }
}
