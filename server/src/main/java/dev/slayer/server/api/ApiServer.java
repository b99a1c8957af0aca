package dev.slayer.server.api;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * The HTTP server. It owns its sockets and threads; its parts belong to the caller, who closes them after the server. Thread-safe.
 */
public interface ApiServer extends AutoCloseable {
    /**
     * Reads the store of variants, loads the deltas that there are, binds and serves. Waits until requests can come.
     *
     * @throws dev.slayer.surgery.SlayerException if the address cannot be bound
     */
    static ApiServer start(ApiSettings settings, ApiParts parts) {
        return VertxApiServer.start(settings, parts);
    }

    /** The address that was asked for. */
    String host();

    /** The port that was bound. */
    int port();

    /** Where deltas are handed to the server. */
    DeltaRegistry deltas();

    /**
     * Turns new work away with 503; completes when the last request in progress has been answered. What is left at the deadline
     * gets an error, and its sequences are cancelled. /health answers 503 from now on.
     */
    CompletableFuture<Void> drain(Duration deadline);

    /** Closes all connections, answered or not. Waits for it. Idempotent. */
    @Override
    void close();
}
