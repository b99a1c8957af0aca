package dev.slayer.clients;

import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.Function;

/**
 * The pieces of a streamed answer, in order. One thread reads; {@link #close} may be called from any thread and cancels the
 * request: the connection is closed, and the server stops generating. Always close it, best with try-with-resources.
 *
 * @param <T> what a piece is
 */
public final class EventStream<T> implements Iterator<T>, AutoCloseable {
    private static final String LAST = "[DONE]";

    private final EventBody body;
    private final Duration idleTimeout;
    private final Function<String, T> decoder;
    private T next;
    private boolean ended;

    EventStream(EventBody body, Duration idleTimeout, Function<String, T> decoder) {
        this.body = body;
        this.idleTimeout = idleTimeout;
        this.decoder = decoder;
    }

    /**
     * Waits for the next piece.
     *
     * @return false after the server's last one
     * @throws SlayerClientException if the server reports an error, the connection breaks or ends before the last piece,
     *     nothing comes for longer than the client's timeout, or the stream was closed
     */
    @Override
    public boolean hasNext() {
        if (next == null && !ended) {
            read();
        }
        return next != null;
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException("the stream has ended");
        }
        T piece = next;
        next = null;
        return piece;
    }

    @Override
    public void close() {
        body.cancel();
    }

    private void read() {
        ServerSentEvent event = body.next(idleTimeout);
        if (event == null) {
            throw SlayerClientException.withoutAnswer(
                    "connection_failed", "The server ended the stream before its last piece.", null);
        }
        if (event.data().equals(LAST)) {
            ended = true;
        } else {
            next = decoder.apply(event.data());
        }
    }
}
