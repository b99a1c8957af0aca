package dev.slayer.clients;

import java.util.Objects;

/**
 * One event of a server-sent event stream.
 *
 * @param type the {@code event} field; {@code message} where there was none
 * @param data the {@code data} lines, joined by line feeds
 */
public record ServerSentEvent(String type, String data) {
    public ServerSentEvent {
        Objects.requireNonNull(type);
        Objects.requireNonNull(data);
    }
}
