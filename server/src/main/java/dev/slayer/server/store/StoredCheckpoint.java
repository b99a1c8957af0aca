package dev.slayer.server.store;

import java.time.Instant;
import java.util.Objects;

/**
 * A checkpoint that a job has written.
 *
 * @param id unique, and always the same for a job and a step
 * @param created when, to the millisecond
 * @param metrics JSON object
 */
public record StoredCheckpoint(String id, String job, long step, Instant created, String metrics) {
    public StoredCheckpoint {
        Objects.requireNonNull(id);
        Objects.requireNonNull(job);
        Objects.requireNonNull(metrics);
        created = Instant.ofEpochMilli(created.toEpochMilli());
    }
}
