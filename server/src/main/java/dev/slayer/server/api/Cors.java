package dev.slayer.server.api;

import io.vertx.core.Handler;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Lets browsers call from the allowed origins. A preflight is answered with the very headers it asks for, since the OpenAI clients
 * send a family of {@code x-stainless-*} that grows; cookies are never allowed.
 */
final class Cors implements Handler<RoutingContext> {
    private static final Pattern HEADER_NAMES = Pattern.compile("[A-Za-z0-9!#$%&'*+.^_`|~, -]{1,2000}");

    private final List<String> origins;

    Cors(List<String> origins) {
        this.origins = origins;
    }

    @Override
    public void handle(RoutingContext ctx) {
        HttpServerRequest request = ctx.request();
        HttpServerResponse response = ctx.response();
        String origin = request.getHeader("origin");
        boolean any = origins.contains("*");
        if (!any && !origins.isEmpty()) {
            response.putHeader("vary", "origin"); // also where the origin is refused: a cache must not mix the two
        }
        if (origin == null || !(any || origins.contains(origin))) {
            ctx.next();
            return;
        }
        response.putHeader("access-control-allow-origin", any ? "*" : origin);
        response.putHeader(
                "access-control-expose-headers", "x-request-id, retry-after, x-slayer-warning, x-slayer-layout");
        if (request.method().equals(HttpMethod.OPTIONS) && request.getHeader("access-control-request-method") != null) {
            String headers = request.getHeader("access-control-request-headers");
            if (headers != null && HEADER_NAMES.matcher(headers).matches()) {
                response.putHeader("access-control-allow-headers", headers);
            }
            response.putHeader("access-control-allow-methods", "GET, POST, DELETE, OPTIONS")
                    .putHeader("access-control-max-age", "86400")
                    .setStatusCode(204)
                    .end();
            return;
        }
        ctx.next();
    }
}
