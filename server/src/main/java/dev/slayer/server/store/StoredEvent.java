package dev.slayer.server.store;

import java.time.Instant;
import java.util.Objects;

/**
 * Something that happened in a job.
 *
 * @param id unique
 * @param created when, to the millisecond
 * @param level info, warn or error
 * @param type message or metrics
 * @param data JSON object
 */
public record StoredEvent(
        String id, String job, Instant created, String level, String type, String message, String data) {
    public StoredEvent {
        Objects.requireNonNull(id);
        Objects.requireNonNull(job);
        Objects.requireNonNull(level);
        Objects.requireNonNull(type);
        Objects.requireNonNull(message);
        Objects.requireNonNull(data);
        created = Instant.ofEpochMilli(created.toEpochMilli());
    }
}
