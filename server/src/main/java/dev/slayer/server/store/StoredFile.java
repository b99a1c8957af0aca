package dev.slayer.server.store;

import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * An uploaded file as it is kept; its bytes lie in the data folder.
 *
 * @param id unique
 * @param filename what the client called it
 * @param purpose what the client uploaded it for
 * @param stored name of the file in its folder
 * @param created when, to the millisecond
 * @param expires from when on it may be gone
 */
public record StoredFile(
        String id,
        String filename,
        String purpose,
        String stored,
        long bytes,
        Instant created,
        Optional<Instant> expires) {
    public StoredFile {
        Objects.requireNonNull(id);
        Objects.requireNonNull(filename);
        Objects.requireNonNull(purpose);
        Objects.requireNonNull(stored);
        created = Instant.ofEpochMilli(created.toEpochMilli());
        expires = expires.map(time -> Instant.ofEpochMilli(time.toEpochMilli()));
    }
}
