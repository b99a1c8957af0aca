package dev.slayer.server.api;

import io.vertx.core.Future;
import io.vertx.core.VerticleBase;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.net.SocketAddress;
import java.util.concurrent.atomic.AtomicInteger;

/** One event loop's share of the server: its own router and mailbox, one port with the others. */
final class ApiVerticle extends VerticleBase {
    /** Layouts travel in URLs. */
    private static final int LONGEST_URL = 16 << 10;

    private final ApiScope scope;
    private final AtomicInteger boundPort;

    /** @param boundPort where to tell the port; all verticles of a server bind the same */
    ApiVerticle(ApiScope scope, AtomicInteger boundPort) {
        this.scope = scope;
        this.boundPort = boundPort;
    }

    @Override
    public Future<?> start() {
        ApiSettings settings = scope.settings();
        HttpServerOptions options = new HttpServerOptions()
                .setMaxInitialLineLength(LONGEST_URL)
                .setMaxHeaderSize(2 * LONGEST_URL)
                .setHandle100ContinueAutomatically(true)
                // To tell HTTP/2 apart, Vert.x keeps a connection to itself until its first request: one that never
                // completes it
                // would be there for ever.
                .setHttp2ClearTextEnabled(false)
                .setTcpKeepAlive(true);
        IdleConnections idle = new IdleConnections(vertx, settings.stallTimeout());
        return vertx.createHttpServer(options)
                .invalidRequestHandler(Failures::refuseMalformed)
                .connectionHandler(idle::watch)
                .requestHandler(Routes.on(vertx, scope, new Mailbox(context), idle))
                .listen(
                        settings.port() == 0
                                ? SocketAddress.sharedRandomPort(1, settings.host())
                                : SocketAddress.inetSocketAddress(settings.port(), settings.host()))
                .onSuccess((HttpServer server) -> boundPort.set(server.actualPort()));
    }
}
