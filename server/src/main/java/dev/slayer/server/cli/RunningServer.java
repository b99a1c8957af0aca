package dev.slayer.server.cli;

import java.net.URI;
import java.time.Duration;
import java.util.List;

/** A server that answers. Thread-safe. */
public interface RunningServer extends AutoCloseable {
    /** Where it listens; with the real port if any free one was asked for. */
    URI url();

    /** Names of the models, at least one; the first is the default. */
    List<String> models();

    /**
     * Takes no new work, waits until what runs has ended, and ends the rest after the deadline. Blocks; the server keeps
     * answering meanwhile, new requests with status 503.
     */
    void drain(Duration deadline);

    /** Stops at once and frees everything. Idempotent. */
    @Override
    void close();
}
