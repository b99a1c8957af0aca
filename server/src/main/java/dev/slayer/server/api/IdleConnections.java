package dev.slayer.server.api;

import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpConnection;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Closes connections on which no request is under way for too long: ones that are kept for later, and ones that send
 * the head of a request byte by byte. Lives on one event loop.
 */
final class IdleConnections implements Handler<RoutingContext> {
    private final Vertx vertx;
    private final long patience;
    private final Map<HttpConnection, Connection> connections = new HashMap<>();

    /** @param patience how long a connection may be idle; over 0 */
    IdleConnections(Vertx vertx, Duration patience) {
        this.vertx = vertx;
        this.patience = Math.max(1, patience.toMillis());
    }

    /** Follows a new connection until it closes. */
    void watch(HttpConnection connection) {
        Connection watched = new Connection(connection);
        connections.put(connection, watched);
        connection.closeHandler(closed -> {
            connections.remove(connection);
            watched.stopTimer();
        });
        watched.startTimer();
    }

    /** A request is under way on its connection until it has been answered. */
    @Override
    public void handle(RoutingContext ctx) {
        Connection watched = connections.get(ctx.request().connection());
        if (watched != null) {
            watched.begin();
            ctx.addEndHandler(answered -> watched.end());
        }
        ctx.next();
    }

    private final class Connection {
        private final HttpConnection connection;
        private int requests;
        private long timer;

        Connection(HttpConnection connection) {
            this.connection = connection;
        }

        void begin() {
            if (requests++ == 0) {
                stopTimer();
            }
        }

        void end() {
            if (--requests == 0 && connections.containsKey(connection)) {
                startTimer();
            }
        }

        void startTimer() {
            timer = vertx.setTimer(patience, late -> connection.close());
        }

        void stopTimer() {
            vertx.cancelTimer(timer);
        }
    }
}
