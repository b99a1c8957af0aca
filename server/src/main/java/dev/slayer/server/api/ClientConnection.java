package dev.slayer.server.api;

import io.vertx.core.http.HttpConnection;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.ext.web.RoutingContext;

/** The connection of a client that nothing more can be said to. */
final class ClientConnection {
    private ClientConnection() {}

    /**
     * Drops a connection at once, with whatever is still to be written to it. Closing it the usual way
     * would wait until what is queued has been written, which never happens if the client does not read: hence the channel.
     */
    static void drop(RoutingContext ctx) {
        HttpConnection connection = ctx.request().connection();
        if (connection instanceof ConnectionBase base) {
            var _ = base.channelHandlerContext().close();
        } else {
            connection.close();
        }
    }
}
