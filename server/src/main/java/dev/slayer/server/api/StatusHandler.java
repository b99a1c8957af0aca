package dev.slayer.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.slayer.surgery.SlayerException;
import io.vertx.ext.web.RoutingContext;
import java.util.Optional;

/** GET /health, /ping, /version and /metrics. */
final class StatusHandler {
    private final ApiScope scope;

    StatusHandler(ApiScope scope) {
        this.scope = scope;
    }

    /** 200 and nothing else; 503 while the server drains or when its engine has died. */
    void health(RoutingContext ctx) {
        if (scope.traffic().draining()) {
            ctx.fail(Traffic.shuttingDown());
        } else if (!scope.engine().status().alive()) {
            ctx.fail(
                    new SlayerException(503, "engine_dead", null, "The engine has stopped; restart the server.", null));
        } else {
            ctx.end();
        }
    }

    void version(RoutingContext ctx) {
        String version = Optional.ofNullable(StatusHandler.class.getPackage().getImplementationVersion())
                .orElse("development");
        ObjectNode json = Json.MAPPER.createObjectNode().put("version", version);
        scope.runtime().writeTo(json);
        ctx.response().putHeader("content-type", "application/json").end(json.toString());
    }

    void metrics(RoutingContext ctx) {
        ctx.vertx()
                .executeBlocking(scope.metrics()::scrape, false)
                .onSuccess(text -> ctx.response()
                        .putHeader("content-type", "text/plain; version=0.0.4; charset=utf-8")
                        .end(text))
                .onFailure(ctx::fail);
    }
}
